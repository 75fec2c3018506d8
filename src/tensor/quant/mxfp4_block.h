#pragma once

// Layout of MXFP4 as GGUF files have it: OCP Microscaling Formats, version 1.0, elements E2M1 under one scale E8M0.

#include <stdint.h>

namespace dure {

struct BlockMXFP4 {  // 4.25 bits an element
  uint8_t e;         // scale: 2^(e - 127)
  uint8_t qs[16];    // element i: low nibble of qs[i]; element i + 16: its high nibble
};

static_assert(sizeof(BlockMXFP4) == 17, "packed");

/// Twice the values that a nibble stands for: a sign, two bits of exponent, one of mantissa.
constexpr int8_t kMXFP4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// The bits of 2^(e - 128), half the scale, as float32; those of a NaN for e = 255. Of each object its own, as kernels
/// include this.
static constexpr uint32_t mxfp4_half_scale(uint8_t e) {
  return e == 255 ? 0x7fc00000u : e < 2 ? 0x00200000u << e : (e - 1u) << 23;
}

}  // namespace dure

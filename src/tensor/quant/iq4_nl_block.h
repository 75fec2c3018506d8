#pragma once

// Layout of IQ4_NL, as it lies in files; see linear_block.h.

#include <stdint.h>

namespace dure {

struct BlockIQ4_NL {  // 4.5 bits an element
  uint16_t d;         // scale, float16
  uint8_t qs[16];     // element i: low nibble of qs[i]; element i + 16: its high nibble
};

static_assert(sizeof(BlockIQ4_NL) == 18, "packed");

/// The values that a nibble stands for: closer together near zero, where most weights are.
constexpr int8_t kIQ4NLValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

}  // namespace dure

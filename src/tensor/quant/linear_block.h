#pragma once

// Layouts of the plain 32-element blocks, as they lie in files: nothing here but structs, because kernels of every
// instruction set include it. docs/formats/quantisation-blocks.md says what each field means.

#include <stdint.h>

namespace dure {

struct BlockQ8_0 {  // 8.5 bits an element
  uint16_t d;       // scale, float16
  int8_t qs[32];
};

struct BlockQ4_0 {  // 4.5
  uint16_t d;
  uint8_t qs[16];  // element i: low nibble of qs[i]; element i + 16: its high nibble
};

struct BlockQ4_1 {  // 5
  uint16_t d, m;    // scale and minimum, float16
  uint8_t qs[16];
};

struct BlockQ5_0 {  // 5.5
  uint16_t d;
  uint8_t qh[4];  // fifth bit of element i: bit i, lowest first
  uint8_t qs[16];
};

struct BlockQ5_1 {  // 6
  uint16_t d, m;
  uint8_t qh[4];
  uint8_t qs[16];
};

static_assert(sizeof(BlockQ8_0) == 34, "packed");
static_assert(sizeof(BlockQ4_0) == 18, "packed");
static_assert(sizeof(BlockQ4_1) == 20, "packed");
static_assert(sizeof(BlockQ5_0) == 22, "packed");
static_assert(sizeof(BlockQ5_1) == 24, "packed");

}  // namespace dure

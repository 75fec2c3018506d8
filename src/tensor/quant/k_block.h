#pragma once

// Layouts of the 256-element super-blocks ("K-quants"), as they lie in files; see linear_block.h. A super-block is
// divided into groups whose own scales are small integers.

#include <stdint.h>

namespace dure {

struct BlockQ2_K {     // 2.625 bits an element; 16 groups of 16
  uint8_t scales[16];  // of a group: scale in the low nibble, minimum in the high one
  uint8_t qs[64];      // 2 bits each
  uint16_t d, dmin;    // float16 factors of the scales and of the minima
};

struct BlockQ3_K {     // 3.4375; 16 groups of 16
  uint8_t hmask[32];   // third bit of element i: bit i / 32 of hmask[i % 32]
  uint8_t qs[64];      // 2 bits each
  uint8_t scales[12];  // 6 bits a group
  uint16_t d;
};

struct BlockQ4_K {  // 4.5; 8 groups of 32
  uint16_t d, dmin;
  uint8_t scales[12];  // 6 bits scale and 6 bits minimum a group
  uint8_t qs[128];     // 4 bits each
};

struct BlockQ5_K {  // 5.5; 8 groups of 32
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];   // fifth bit of element i: bit i / 32 of qh[i % 32]
  uint8_t qs[128];  // 4 bits each
};

struct BlockQ6_K {    // 6.5625; 16 groups of 16
  uint8_t ql[128];    // low 4 bits
  uint8_t qh[64];     // high 2 bits
  int8_t scales[16];  // 8 bits a group
  uint16_t d;
};

static_assert(sizeof(BlockQ2_K) == 84, "packed");
static_assert(sizeof(BlockQ3_K) == 110, "packed");
static_assert(sizeof(BlockQ4_K) == 144, "packed");
static_assert(sizeof(BlockQ5_K) == 176, "packed");
static_assert(sizeof(BlockQ6_K) == 210, "packed");

}  // namespace dure

#pragma once

#include <stdint.h>

// Quantised weights in the order in which kernels stream them: panels of 16 rows, beside each other, so that one
// vector holds four columns of each row and a row's factors lie in a lane. docs/performance.md draws the layout.
// C headers only: kernels of every instruction set include this.

namespace dure::cpu {

constexpr int kPanelRows = 16;
constexpr int kPanelGroup = 32;  ///< columns that are multiplied in integers before factors are applied

/// Where a group's codes lie: planes of bytes, each byte of lane r (4 r + b) belonging to row r of the panel.
/// Step s of a group takes columns 4 s .. 4 s + 3 of all rows.
enum class Codes : uint8_t {
  nibbles,      ///< 4 vectors: steps 0 to 3 in the low halves, 4 to 7 in the high ones
  nibbles_bit,  ///< and a vector of fifth bits: bit s is step s
  nibbles_two,  ///< and two vectors of fifth and sixth bits: bits 2 s are step s of the first, step 4 + s of the second
  bytes,        ///< 8 vectors, one a step, 128 more than the signed code
};
constexpr int code_bytes(Codes codes) {  // of one group
  return codes == Codes::nibbles       ? 256
         : codes == Codes::nibbles_bit ? 256 + 64
         : codes == Codes::nibbles_two ? 256 + 128
                                       : 512;
}

/// A weight is factor (code - offset) - minimum. Where the factors of a group come from:
enum class Factors : uint8_t {
  plain,       ///< float16 [16] a group
  plain_min,   ///< float16 [16] factors, float16 [16] minimums a group
  scaled,      ///< for 8 groups: float16 [16] d; int8 [16][16] scales, one for each half of a group
  scaled_min,  ///< for 8 groups: float16 [16] d, float16 [16] dmin; uint8 [8][16] scales, uint8 [8][16] minimums
};
constexpr int factor_groups(Factors f) { return f == Factors::plain || f == Factors::plain_min ? 1 : 8; }
constexpr int factor_bytes(Factors f) {  // of factor_groups
  return f == Factors::plain ? 32 : f == Factors::plain_min ? 64 : f == Factors::scaled ? 32 + 256 : 64 + 256;
}

/// A weight [N, K] in panels: for each, all code planes of its groups, then all factors. 64-byte aligned.
struct PanelRows {
  const uint8_t* data;
  int64_t rows, columns;  ///< N, K
  int64_t panel_bytes, factors_at;
};

/// One row of activations as kernels of panels take it: each group of 32 in 8 bits, with a factor of its own.
struct QuantRow {
  int8_t* codes;     ///< [K], from -127 to 127
  float* factor;     ///< [K / 32], the largest value of a group over 127
  float* minus_sum;  ///< [K / 32], minus factor times the sum of the group's codes
  int32_t* sums;     ///< [K / 16], of the codes of half a group
};

/// M such rows, one after the other.
struct QuantRows {
  const int8_t* codes;
  const float* factor;
  const float* minus_sum;
  const int32_t* sums;
  int64_t columns;  ///< K
};

/// y[m, n - begin] = x[m] . w[n] for M rows of x and rows [begin, end) of w. The product of a group is exact; groups
/// are added up in order, whatever M is. REQUIRES: begin is a multiple of 16; end too, or the last row.
using PanelDot = void (*)(const PanelRows& w, int64_t begin, int64_t end, const QuantRows& x, int64_t M, float* y,
                          int64_t y_stride);

}  // namespace dure::cpu

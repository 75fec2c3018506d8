#pragma once

#include <stdint.h>

// Weights in the order in which kernels stream them: panels of 16 rows, beside each other, so that a row's numbers lie
// in a lane of their own. docs/performance.md draws the layouts. C headers only: kernels of every instruction set
// include this.

namespace dure::cpu {

constexpr int kPanelRows = 16;
constexpr int kPanelGroup = 32;  ///< columns that are multiplied in integers before factors are applied
constexpr int kPanelQuad = 4;    ///< columns that lie together where weights are not integers

/// Where a group's codes lie: planes of bytes, each byte of lane r (4 r + b) belonging to row r of the panel.
/// Step s of a group takes columns 4 s .. 4 s + 3 of all rows.
enum class Codes : uint8_t {
  nibbles,      ///< 4 vectors: steps 0 to 3 in the low halves, 4 to 7 in the high ones
  nibbles_bit,  ///< and a vector of fifth bits: bit s is step s
  nibbles_two,  ///< and two vectors of fifth and sixth bits: bits 2 s are step s of the first, step 4 + s of the second
  points,       ///< as nibbles, which choose among 16 code points (IQ4_NL); the code is the point
  floats,       ///< the same with the points of MXFP4
  twos,         ///< 2 vectors: bits 2 s are step s of the first, step 4 + s of the second
  twos_bit,     ///< and a vector of third bits: bit s is step s
  bytes,        ///< 8 vectors, one a step, 128 more than the signed code
};
constexpr int code_bytes(Codes codes) {  // of one group
  constexpr int kBytes[] = {256, 256 + 64, 256 + 128, 256, 256, 128, 128 + 64, 512};
  return kBytes[static_cast<int>(codes)];
}

/// A weight is factor (code - offset) - minimum. Where the factors of a group come from:
enum class Factors : uint8_t {
  plain,              ///< float16 [16] a group
  plain_bf16,         ///< bfloat16 [16] a group: any power of two
  plain_min,          ///< float16 [16] factors, float16 [16] minimums a group
  scaled,             ///< for 8 groups: float16 [16] d; int8 [16][16] scales, one for each half of a group
  scaled_min,         ///< for 8 groups: float16 [16] d, float16 [16] dmin; uint8 [8][16] scales, uint8 [8][16] minimums
  scaled_halves_min,  ///< for 8 groups: the same d and dmin; uint8 [16][16], scale + 16 minimum of each half of a group
};
constexpr int factor_groups(Factors f) { return f <= Factors::plain_min ? 1 : 8; }
constexpr int factor_bytes(Factors f) {  // of factor_groups
  constexpr int kBytes[] = {32, 32, 64, 32 + 256, 64 + 256, 64 + 256};
  return kBytes[static_cast<int>(f)];
}

// Weights that are no integers lie in quads of 4 columns, the last filled up with zeros:
//   BF16  two vectors of 16 lanes: (w[r, 0], w[r, 1]) in lane r, then (w[r, 2], w[r, 3])
//   F8    one vector; 16 bytes j are columns 0 and 1 of rows 4 j to 4 j + 3, then columns 2 and 3. After all quads a
//         float32 factor for every 128 columns.
//   F16   16 rows of column 0, then of columns 1, 2, 3

/// A weight [N, K] in panels: for each, all its codes, then all its factors. 64-byte aligned.
struct PanelRows {
  const uint8_t* data;
  int64_t rows, columns;  ///< N, K
  int64_t panel_bytes, factors_at;
};

/// Rows of activations as the kernel of a format takes them (PanelKernels::prepare), `row_bytes` apart.
struct PanelInput {
  const uint8_t* data;
  int64_t row_bytes;
};

/// How a format's panels are multiplied.
struct PanelKernels {
  /// Bytes of a prepared row of K values, a multiple of 64.
  int64_t (*row_bytes)(int64_t K);
  /// Prepares columns [begin, end) of a row of K values for the kernel; x is column `begin`. REQUIRES: begin is a
  /// multiple of 32, and end too, or the end of the row.
  void (*prepare)(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);
  /// y[m, n - begin] = x[m] . w[n] for M rows of x and rows [begin, end) of w. Columns are added up in one order,
  /// whatever M is. REQUIRES: begin is a multiple of 16; end too, or the last row.
  void (*dot)(const PanelRows& w, int64_t begin, int64_t end, PanelInput x, int64_t M, float* y, int64_t y_stride);
};

}  // namespace dure::cpu

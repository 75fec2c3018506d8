#pragma once

#include <stdint.h>

#include "backend/cpu/panel.h"

// What baseline code and the kernels of isa/ know of each other: plain structs and function pointers, C headers only,
// so that no inline function compiled for a wide instruction set can end up in baseline code.

namespace dure::cpu {

/// Weight formats in the order of Kernels::formats. gemm.cc maps DType to them.
enum Format {
  kF32,
  kF16,
  kBF16,
  kF8,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kIQ4_NL,
  kMXFP4,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kFormats,
};

/// The scale factors of FP8 weights each cover 128 rows x 128 columns.
constexpr int64_t kScaleBlock = 128;

/// A weight [N, K] as the file has it: rows of blocks, `row_bytes` apart.
struct WeightRows {
  const uint8_t* data;
  int64_t row_bytes;
  int64_t columns;               ///< K
  const float* scale = nullptr;  ///< kF8 only: [ceil(N / 128), ceil(K / 128)], or null
  int64_t scale_stride = 0;      ///< factors from one row of blocks to the next
};

/// Float32 rows, `stride` elements apart.
struct Rows {
  float* data;
  int64_t stride;
};
struct ConstRows {
  const float* data;
  int64_t stride;
};

/// What a format needs. Both yield weights exactly as the scalar dequantiser does.
struct FormatKernels {
  /// out[r, c] = w[begin + r, column + c] for rows [begin, end) and `count` columns.
  /// REQUIRES: column is a multiple of 256; count is too, or reaches the end of the row.
  void (*unpack)(const WeightRows& w, int64_t begin, int64_t end, int64_t column, int64_t count, Rows out);
  /// y[m, n - begin] = x[m] . w[n] for M rows of x and rows [begin, end) of w, unpacked in registers: for a few rows of
  /// x, where unpacked weights would not be used again. Bit for bit what unpack() and Kernels::dot give.
  void (*dot)(const WeightRows& w, int64_t begin, int64_t end, ConstRows x, int64_t M, Rows y);
};

/// Queries of attention lie in lanes, 16 to a pack, and see positions in tiles of this many, counted from position 0.
constexpr int kQueryLanes = 16, kTileLines = 64;

/// Keys or values of consecutive positions, in the numbers of the kernel.
struct KvLines {
  const uint8_t* data;
  int64_t stride;  ///< bytes from one position to the next
};

/// Where the positions of the next tile lie in the cache, to be asked for in time: `step` bytes a step.
struct KvAhead {
  const uint8_t* data;
  int64_t stride, step;
};

/// One pack of queries and one tile of positions. A step of a key or a query is 4 bytes: one float32 or two bfloat16.
struct AttentionTile {
  const float* queries;  ///< [steps of both parts][16], made by AttentionKernels::pack
  KvLines key[2];        ///< the parts of the keys; the second may have no steps
  int64_t key_steps[2];
  KvLines value;
  KvAhead key_ahead[2], value_ahead;
  int64_t channels;           ///< Dv
  int64_t lines;              ///< positions of the tile that exist, from 1 to kTileLines
  int32_t seen[kQueryLanes];  ///< how many of them each query attends
  int64_t queries_used;       ///< the last lanes may be empty
  float *max, *sum;           ///< [16] of the scores so far, and of exp(score - max)
  float* out;                 ///< [queries_used, Dv] values weighted by exp(score - max)
};

/// Attention in one arithmetic: keys, queries, probabilities and values in float32 or in bfloat16, sums in float32.
struct AttentionKernels {
  int64_t number_bytes;  ///< 4 or 2
  /// Puts 16 queries [Dk], times factor, into the lanes of a pack.
  void (*pack)(float* to, const float* const* queries, int64_t Dk, float factor);
  /// to = from, in the kernel's numbers.
  void (*convert)(void* to, const float* from, int64_t n);
  /// Adds the tile to max, sum and out. A query's arithmetic depends on its own keys and values alone.
  void (*attend)(const AttentionTile& tile);
};
constexpr float kNothingSeen = -1e30f;  ///< AttentionTile::max before the first tile

/// Training's products of bfloat16: C = A B, where two numbers that follow each other along the sum are one 32-bit
/// lane. B lies in panels of this many columns, each [pairs][kPairColumns].
constexpr int64_t kPairColumns = 32;

/// Pair p of row m is data[m * row_step + p * pair_step].
struct PairRows {
  const uint32_t* data;
  int64_t row_step, pair_step;
};

/// Numbers are rounded to bfloat16 as they are packed; pairs beyond an odd end, and columns beyond a panel's, are 0.
struct PairKernels {
  /// A row of n numbers as ceil(n / 2) pairs.
  void (*round)(uint32_t* to, const float* from, int64_t n);
  /// A panel whose columns are those of `from`: sums run down its rows.
  void (*interleave)(uint32_t* panel, ConstRows from, int64_t rows, int64_t columns);
  /// A panel whose columns are the rows of `from`: sums run along them.
  void (*turn)(uint32_t* panel, ConstRows from, int64_t rows, int64_t columns);
  /// y[m, n] = a[m] . panel[n] for up to kPairColumns columns, added to what is there if `add`.
  void (*multiply)(Rows y, PairRows a, const uint32_t* panel, int64_t M, int64_t columns, int64_t pairs, bool add);
};

/// Everything that is compiled once per instruction set. Sizes are those of y; nothing is read beyond a row's end.
/// An output's arithmetic never depends on which other outputs are computed with it.
struct Kernels {
  const char* isa;
  const FormatKernels* formats[kFormats];

  const PanelKernels* panels[kFormats];  ///< null: the format has no panels
  /// The same products by tiles of a matrix unit, of weights and activations rounded to bfloat16: another arithmetic.
  /// Null: there are none.
  const PanelKernels* const* tiles = nullptr;  // [kFormats]

  const AttentionKernels* attention;       ///< in float32
  const AttentionKernels* attention_bf16;  ///< or null, where bfloat16 is not multiplied

  const PairKernels* pairs;  ///< or null, where bfloat16 is not multiplied

  /// y[m, n] = sum over k of x[m, k] w[n, k]: a vector of partial sums along k, added up at the end.
  void (*dot)(Rows y, ConstRows x, ConstRows w, int64_t M, int64_t N, int64_t K);
  /// y[m, n] += sum over k of x[m * x.stride + k * x_step] w[k, n], one k after the other.
  void (*outer)(Rows y, ConstRows x, int64_t x_step, ConstRows w, int64_t M, int64_t N, int64_t K);

  // Rows of n values.
  void (*round_bf16)(float* y, const float* x, int64_t n);               ///< y = x rounded to bfloat16
  void (*add)(float* y, const float* a, const float* b, int64_t n);      ///< y = a + b
  void (*scale)(float* y, const float* x, float factor, int64_t n);      ///< y = x factor
  void (*blend)(float* y, float a, const float* x, float b, int64_t n);  ///< y = y a + x b
  /// y = g u / (1 + exp(-g)) with g = min(gate, limit), u = up within -limit and limit.
  void (*swiglu)(float* y, const float* gate, const float* up, float limit, int64_t n);
  void (*swiglu_backward)(float* dgate, float* dup, const float* dy, const float* gate, const float* up, int64_t n);
  void (*rms_norm)(float* y, const float* x, const float* weight, float eps, int64_t n);
  /// The gradient of x, and that of the weight added to dweight.
  void (*rms_norm_backward)(float* dx, float* dweight, const float* dy, const float* x, const float* weight, float eps,
                            int64_t n);
  /// y = x cos + x' sin, where x' has each pair swapped. Pairs lie n / 2 apart, cos and sin [n / 2]; or side by side,
  /// cos and sin [n], the first sin of a pair negated.
  void (*rotate_halves)(float* y, const float* x, const float* cos, const float* sin, int64_t n);
  void (*rotate_pairs)(float* y, const float* x, const float* cos, const float* sin, int64_t n);
  /// p = exp(factor p - max), max = max(factor p). Returns the sum of the new p.
  float (*softmax)(float* p, float factor, int64_t n, float* max);
  /// dp = p (dp - sum of p dp) factor, the gradient of the scores.
  void (*softmax_backward)(float* dp, const float* p, float factor, int64_t n);
};

}  // namespace dure::cpu

namespace dure::avx2 {
extern const cpu::Kernels kKernels;
}
namespace dure::avx512 {
extern const cpu::Kernels kKernels;
}
namespace dure::avx512vnni {
extern const cpu::Kernels kKernels;
}
namespace dure::avx512bf16 {
extern const cpu::Kernels kKernels;
}
// Kernels::tiles for what else is that of avx512bf16.
namespace dure::amx {
extern const cpu::PanelKernels* const kTiles[cpu::kFormats];
}
namespace dure::amx_emulated {
extern const cpu::PanelKernels* const kTiles[cpu::kFormats];
}

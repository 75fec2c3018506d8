#pragma once

#include "backend/cpu/isa/simd.h"
#include "backend/cpu/kernels.h"

// The one order in which a row of weights meets a row of activations: lane i of one vector adds up the products at
// k = i, i + kLanes, i + 2 kLanes, ...; the lanes are added at the end. It is the same for one row of x and for many,
// for weights unpacked in registers and for weights unpacked in memory, so an output never depends on its neighbours.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

using cpu::ConstRows;
using cpu::Rows;
using cpu::WeightRows;

/// Outputs of one register tile: x rows and w rows. 16 accumulators of 32 registers, or 12 of 16.
constexpr int kTileM = kLanes == 16 ? 4 : 3, kTileN = 4;

/// One weight row as the unpackers see it.
struct Row {
  const uint8_t* data;
  const float* scale;  ///< factors of this row's 128-blocks, or null
};

DURE_INLINE Row row_of(const WeightRows& w, int64_t n) {
  return {w.data + n * w.row_bytes, w.scale ? w.scale + n / cpu::kScaleBlock * w.scale_stride : nullptr};
}

/// A format F has
///   static Group load(Row, int64_t k)               values [k, k + 32), k a multiple of 32
///   static constexpr bool kPlain                    rows need not be whole groups; then also
///   static Vec load(Row, int64_t k, int64_t n)      values [k, k + n), 0 < n <= kLanes, and zeros

/// y[m, n] = x[m] . w[begin + n].
template <class F, int M, int N>
DURE_INLINE void dot_tile(const WeightRows& w, int64_t begin, ConstRows x, Rows y) {
  Row row[N];
  Vec sum[M][N];
  DURE_UNROLL
  for (int n = 0; n < N; ++n) {
    row[n] = row_of(w, begin + n);
    DURE_UNROLL
    for (int m = 0; m < M; ++m) sum[m][n] = zero();
  }
  int64_t k = 0;
  for (; k + kGroup <= w.columns; k += kGroup) {
    DURE_UNROLL
    for (int n = 0; n < N; ++n) {
      const Group g = F::load(row[n], k);
      DURE_UNROLL
      for (int m = 0; m < M; ++m) {
        DURE_UNROLL
        for (int i = 0; i < kGroupVecs; ++i)
          sum[m][n] = fma(load(x.data + m * x.stride + k + i * kLanes), g.v[i], sum[m][n]);
      }
    }
  }
  if constexpr (F::kPlain) {
    for (; k < w.columns; k += kLanes) {
      const int64_t rest = w.columns - k < kLanes ? w.columns - k : kLanes;
      for (int n = 0; n < N; ++n) {
        const Vec v = F::load(row[n], k, rest);
        for (int m = 0; m < M; ++m) sum[m][n] = fma(load(x.data + m * x.stride + k, rest), v, sum[m][n]);
      }
    }
  }
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int n = 0; n < N; ++n) y.data[m * y.stride + n] = reduce_add(sum[m][n]);
  }
}

template <class F, int M>
void dot_rows(const WeightRows& w, int64_t begin, int64_t end, ConstRows x, Rows y) {
  int64_t n = begin;
  for (; n + kTileN <= end; n += kTileN) dot_tile<F, M, kTileN>(w, n, x, {y.data + (n - begin), y.stride});
  for (; n < end; ++n) dot_tile<F, M, 1>(w, n, x, {y.data + (n - begin), y.stride});
}

/// FormatKernels::dot
template <class F>
void dot_format(const WeightRows& w, int64_t begin, int64_t end, ConstRows x, int64_t M, Rows y) {
  for (; M >= 2; M -= 2, x.data += 2 * x.stride, y.data += 2 * y.stride) dot_rows<F, 2>(w, begin, end, x, y);
  if (M == 1) dot_rows<F, 1>(w, begin, end, x, y);
}

/// FormatKernels::unpack
template <class F>
void unpack_format(const WeightRows& w, int64_t begin, int64_t end, int64_t column, int64_t count, Rows out) {
  for (int64_t n = begin; n < end; ++n) {
    const Row row = row_of(w, n);
    float* to = out.data + (n - begin) * out.stride;
    int64_t k = column;
    for (; k + kGroup <= column + count; k += kGroup, to += kGroup) {
      const Group g = F::load(row, k);
      DURE_UNROLL
      for (int i = 0; i < kGroupVecs; ++i) store(to + i * kLanes, g.v[i]);
    }
    if constexpr (F::kPlain) {
      for (; k < column + count; k += kLanes, to += kLanes) {
        const int64_t rest = column + count - k < kLanes ? column + count - k : kLanes;
        store(to, F::load(row, k, rest), rest);
      }
    }
  }
}

template <class F>
constexpr cpu::FormatKernels format_kernels() {
  return {unpack_format<F>, dot_format<F>};
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

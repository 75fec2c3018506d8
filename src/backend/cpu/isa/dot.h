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

/// How far ahead to ask for weights: whole tiles of rows, as the next tile follows this one in memory. The hardware
/// would stop at the end of each page, which a quantised row hardly fills.
DURE_INLINE int64_t prefetch_distance(int64_t tile_bytes) {
  constexpr int64_t kAhead = 8 << 10;
  return (kAhead + tile_bytes - 1) / tile_bytes * tile_bytes;
}

/// Asks for the kBytes at `distance` from p.
template <int kBytes>
DURE_INLINE void prefetch(const uint8_t* p, int64_t distance) {
  const uintptr_t ahead = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(distance);  // may lie past the end
  DURE_UNROLL
  for (int i = 0; i < kBytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T0);
}

DURE_INLINE Row row_of(const WeightRows& w, int64_t n) {
  return {w.data + n * w.row_bytes, w.scale ? w.scale + n / cpu::kScaleBlock * w.scale_stride : nullptr};
}

/// A format F has
///   static constexpr int kBlock, kBytes             elements and bytes of one block; kBlock is a multiple of 32
///   static Block open(const void*)                  what the groups of one block have in common
///   static Group load(const Block&, int group)      values [32 group, 32 group + 32) of the block
///   static constexpr bool kPlain                    rows need not be whole blocks; then also
///   static Vec load(Row, int64_t k, int64_t n)      values [k, k + n), 0 < n <= kLanes, and zeros
/// and open() takes the Row and k of a plain format's block instead, as FP8 has scales beside the row.

template <class F>
DURE_INLINE decltype(auto) open(Row row, int64_t k) {
  if constexpr (F::kPlain)
    return F::open(row, k);
  else
    return F::open(row.data + k / F::kBlock * F::kBytes);
}

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
  const int64_t ahead = prefetch_distance(N * w.row_bytes);
  int64_t k = 0;
  for (; k + F::kBlock <= w.columns; k += F::kBlock) {
    typename F::Block block[N];
    DURE_UNROLL
    for (int n = 0; n < N; ++n) {
      block[n] = F::open(row[n], k);
      prefetch<F::kBytes>(row[n].data + k / F::kBlock * F::kBytes, ahead);
    }
    DURE_UNROLL
    for (int g = 0; g < F::kBlock / kGroup; ++g) {
      DURE_UNROLL
      for (int n = 0; n < N; ++n) {
        const Group values = F::load(block[n], g);
        DURE_UNROLL
        for (int m = 0; m < M; ++m) {
          DURE_UNROLL
          for (int i = 0; i < kGroupVecs; ++i)
            sum[m][n] = fma(load(x.data + m * x.stride + k + g * kGroup + i * kLanes), values.v[i], sum[m][n]);
        }
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
    for (; k + F::kBlock <= column + count; k += F::kBlock) {
      const typename F::Block block = F::open(row, k);
      DURE_UNROLL
      for (int g = 0; g < F::kBlock / kGroup; ++g, to += kGroup) {
        const Group values = F::load(block, g);
        DURE_UNROLL
        for (int i = 0; i < kGroupVecs; ++i) store(to + i * kLanes, values.v[i]);
      }
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

#pragma once

#include "backend/cpu/isa/lanes.h"

// How panels meet rows of activations. A few rows: weights are unpacked in registers as they stream by. Many rows: the
// unpacked weights of a slab of columns stay in the L1 cache while all rows pass. Both add up the same numbers in the
// same order, so an output has the same bits whatever M is.
//
// A format F has
//   struct Input                      rows of activations, made of a PanelInput and K; Input from(int64_t row)
//   template <int V> struct Packed    V vectors of weights (lanes of a panel, or of several beside each other), as they
//                                     lie in memory; made of the panels and the first row
//   template <int V> struct Slab      the same for up to kSlabColumns, unpacked: open(packed, column, columns)
//   tile(weights, x, column, end, sum)  sum[v][m] += weights x over columns [column, end), weights either of the two
//   kStreamVecs                       vectors that stream by together, a multiple of kParts
//   kStreamRows, kSlabRows            rows of x in a register tile of kStreamVecs, and of a slab

namespace dure::DURE_ISA_NAMESPACE {
namespace {

using cpu::PanelInput;
using cpu::PanelRows;

constexpr int kSlabColumns = 256, kSlabVecs = 2;
/// Tiles of rows for which weights are rather unpacked anew each time: a strip of them is still in the cache then, and
/// a slab's sums need not be kept.
constexpr int kStreams = 3;
constexpr int kBlockRows = 128;  // of x that pass by a slab: with the sums of a slab they stay in the L1 and L2 caches

template <int kCount>
struct Count {
  static constexpr int value = kCount;
};

/// body(Count<n>, m) for tiles of kRows rows and fewer that make up M.
template <int kRows, class Body>
DURE_INLINE void for_tiles(int64_t M, Body body, int64_t m = 0) {
  for (; m + kRows <= M; m += kRows) body(Count<kRows>(), m);
  if constexpr (kRows > 1) for_tiles<(kRows > 4 ? 4 : kRows > 2 ? 2 : 1)>(M, body, m);
}

template <int V, int M>
DURE_INLINE void set_zero(Vec (&sum)[V][M]) {
  DURE_UNROLL
  for (int v = 0; v < V; ++v) {
    DURE_UNROLL
    for (int m = 0; m < M; ++m) sum[v][m] = zero();
  }
}

/// y[m, 0..rows) of one vector.
DURE_INLINE void store_rows(float* y, Vec sum, int64_t rows) {
  if (rows >= kLanes)
    store(y, sum);
  else if (rows > 0)
    store(y, sum, rows);
}

template <class F, int V>
void stream(const PanelRows& w, int64_t row, int64_t rows, const typename F::Input& x, int64_t M, float* y,
            int64_t y_stride) {
  const typename F::template Packed<V> weights(w, row);
  for_tiles<F::kStreamRows>(M, [&](auto count, int64_t first) {
    Vec sum[V][count.value];
    set_zero(sum);
    F::tile(weights, x.from(first), 0, w.columns, sum);
    DURE_UNROLL
    for (int m = 0; m < count.value; ++m) {
      DURE_UNROLL
      for (int v = 0; v < V; ++v) store_rows(y + (first + m) * y_stride + v * kLanes, sum[v][m], rows - v * kLanes);
    }
  });
}

/// M <= kBlockRows.
template <class F, int V>
void pass_by_slabs(const PanelRows& w, int64_t row, int64_t rows, const typename F::Input& x, int64_t M, float* y,
                   int64_t y_stride) {
  const typename F::template Packed<V> packed(w, row);
  typename F::template Slab<V> slab;
  alignas(64) float sums[kBlockRows][V][kLanes];
  for (int64_t column = 0; column < w.columns; column += kSlabColumns) {
    const int64_t end = w.columns - column < kSlabColumns ? w.columns : column + kSlabColumns;
    slab.open(packed, column, end);
    for_tiles<F::kSlabRows>(M, [&](auto count, int64_t first) {
      Vec sum[V][count.value];
      DURE_UNROLL
      for (int m = 0; m < count.value; ++m) {
        DURE_UNROLL
        for (int v = 0; v < V; ++v) sum[v][m] = column == 0 ? zero() : load(sums[first + m][v]);
      }
      F::tile(slab, x.from(first), column, end, sum);
      DURE_UNROLL
      for (int m = 0; m < count.value; ++m) {
        DURE_UNROLL
        for (int v = 0; v < V; ++v) store(sums[first + m][v], sum[v][m]);
      }
    });
  }
  for (int64_t m = 0; m < M; ++m)
    for (int v = 0; v < V; ++v) store_rows(y + m * y_stride + v * kLanes, load(sums[m][v]), rows - v * kLanes);
}

/// f(Count<V>, row, rows) for pieces of kVecs vectors, then of single panels.
template <int kVecs, class Body>
DURE_INLINE void for_strips(int64_t begin, int64_t end, Body body) {
  int64_t n = begin;
  for (; n + (kVecs - kParts) * kLanes < end; n += kVecs * kLanes) body(Count<kVecs>(), n, end - n);
  for (; n < end; n += cpu::kPanelRows) body(Count<kParts>(), n, end - n);
}

/// PanelKernels::dot
template <class F>
void panel_dot(const PanelRows& w, int64_t begin, int64_t end, PanelInput rows_of_x, int64_t M, float* y,
               int64_t y_stride) {
  const typename F::Input x(rows_of_x, w.columns);
  if (M <= kStreams * F::kStreamRows) {
    for_strips<F::kStreamVecs>(begin, end, [&](auto vecs, int64_t n, int64_t rows) {
      stream<F, vecs.value>(w, n, rows, x, M, y + (n - begin), y_stride);
    });
    return;
  }
  for (int64_t m = 0; m < M; m += kBlockRows) {
    const int64_t count = M - m < kBlockRows ? M - m : kBlockRows;
    for_strips<kSlabVecs>(begin, end, [&](auto vecs, int64_t n, int64_t rows) {
      pass_by_slabs<F, vecs.value>(w, n, rows, x.from(m), count, y + m * y_stride + (n - begin), y_stride);
    });
  }
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

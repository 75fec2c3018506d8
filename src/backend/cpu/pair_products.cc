#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/heuristics.h"

namespace dure {

using namespace heuristics;
using cpu::kPairColumns;

namespace {

int64_t panels_of_columns(int64_t columns) { return (columns + kPairColumns - 1) / kPairColumns; }
uint32_t* pairs_in(const Scratch::Buffer& buffer) { return reinterpret_cast<uint32_t*>(buffer.data()); }
/// Rows of a weight in float32, from `row` on.
cpu::ConstRows plain_rows(const cpu::WeightRows& w, int64_t row) {
  const int64_t stride = w.row_bytes / static_cast<int64_t>(sizeof(float));
  return {reinterpret_cast<const float*>(w.data) + row * stride, stride};
}

}  // namespace

/// The left factor [M, pairs]: rows one after the other, or panels of rows side by side.
struct CpuBackend::PairFactor {
  const uint32_t* data;
  int64_t pairs;
  bool panels;

  /// Rows from m on, of which rows_from(m) are evenly spaced.
  cpu::PairRows from(int64_t m, int64_t pair) const {
    if (!panels) return {data + m * pairs + pair, pairs, 1};
    return {data + (m / kPairColumns * pairs + pair) * kPairColumns + m % kPairColumns, 1, kPairColumns};
  }
  int64_t rows_from(int64_t m, int64_t end) const { return panels ? std::min(kPairColumns, end - m) : end - m; }
};

/// Sums run through blocks of pairs, each added to what the ones before left in y: an output's arithmetic depends on
/// its own row and column alone.
void CpuBackend::multiply_pairs(cpu::Rows y, const PairFactor& a, const uint32_t* panels, int64_t M, int64_t N,
                                int64_t pairs, bool add) {
  const int64_t blocks = (M + kPairRows - 1) / kPairRows, all = panels_of_columns(N);
  const int64_t groups = (all + kPairPanels - 1) / kPairPanels;
  threads_->parallel_for(blocks * groups, 1, [&](int64_t piece, int64_t) {
    const int64_t begin = piece / groups * kPairRows, end = std::min(begin + kPairRows, M);
    const int64_t first = piece % groups * kPairPanels, last = std::min(first + kPairPanels, all);
    for (int64_t pair = 0; pair < pairs; pair += kPairDepth)
      for (int64_t panel = first; panel < last; ++panel) {
        const int64_t column = panel * kPairColumns, count = std::min(kPairColumns, N - column);
        const uint32_t* b = panels + (panel * pairs + pair) * kPairColumns;
        for (int64_t m = begin; m < end; m += a.rows_from(m, end))
          kernels_.pairs->multiply({y.data + m * y.stride + column, y.stride}, a.from(m, pair), b, a.rows_from(m, end),
                                   count, std::min(kPairDepth, pairs - pair), add || pair > 0);
      }
  });
}

/// Panels of W^T, pairs along the inputs: kPairColumns rows of W, unpacked if need be, side by side.
void CpuBackend::turn_weight(uint32_t* panels, const Product& p) {
  const int64_t K = p.w.columns, N = p.end - p.begin, pairs = (K + 1) / 2;
  threads_->parallel_for(panels_of_columns(N), row_grain(K * kPairColumns), [&](int64_t first, int64_t last) {
    const bool plain = p.format == cpu::kF32;
    const Scratch::Buffer buffer = scratch_.take(plain ? 0 : kPairColumns * K);
    for (int64_t panel = first; panel < last; ++panel) {
      const int64_t row = p.begin + panel * kPairColumns, rows = std::min(kPairColumns, p.end - row);
      cpu::ConstRows from = plain ? plain_rows(p.w, row) : cpu::ConstRows{buffer.data(), K};
      if (!plain) kernels_.formats[p.format]->unpack(p.w, row, row + rows, 0, K, {buffer.data(), K});
      kernels_.pairs->turn(panels + panel * pairs * kPairColumns, from, rows, K);
    }
  });
}

/// Panels of W, pairs along the outputs: of its columns, unpacked in slabs if need be.
void CpuBackend::interleave_weight(uint32_t* panels, const Product& p) {
  static_assert(kSlabColumns % kPairColumns == 0 && kSlabRows % 2 == 0);
  const bool plain = p.format == cpu::kF32;
  const int64_t K = p.w.columns, pairs = (p.end - p.begin + 1) / 2, width = plain ? kPairColumns : kSlabColumns;
  threads_->parallel_for((K + width - 1) / width, 1, [&](int64_t slab, int64_t) {
    const int64_t column = slab * width, columns = std::min(width, K - column);
    const Scratch::Buffer buffer = scratch_.take(plain ? 0 : kSlabRows * kSlabColumns);
    for (int64_t row = p.begin; row < p.end; row += kSlabRows) {
      const int64_t last = std::min(row + kSlabRows, p.end);
      cpu::ConstRows from = {buffer.data(), kSlabColumns};
      if (plain)
        from = {plain_rows(p.w, row).data + column, plain_rows(p.w, row).stride};
      else
        kernels_.formats[p.format]->unpack(p.w, row, last, column, columns, {buffer.data(), kSlabColumns});
      for (int64_t c = 0; c < columns; c += kPairColumns)
        kernels_.pairs->interleave(panels + ((column + c) * pairs + (row - p.begin) / 2 * kPairColumns),
                                   {from.data + c, from.stride}, last - row, std::min(kPairColumns, columns - c));
    }
  });
}

void CpuBackend::gemm_in_pairs(View y, ConstView x, const Weight& w, int64_t begin, int64_t count,
                               Direction direction) {
  const bool forward = direction == Direction::forward;
  const int64_t T = x.rows(), depth = x.columns(), N = forward ? count : w.in_features(), pairs = (depth + 1) / 2;
  const Scratch::Buffer left = scratch_.take(T * pairs);  // [T, pairs]
  for_each_row(T, depth, [&](int64_t t) { kernels_.pairs->round(pairs_in(left) + t * pairs, x.row(t), depth); });
  const Scratch::Buffer right = scratch_.take(panels_of_columns(N) * pairs * kPairColumns);
  const Product p = product(w, begin, begin + count);
  if (forward)
    turn_weight(pairs_in(right), p);
  else
    interleave_weight(pairs_in(right), p);
  multiply_pairs({y.row(0), T > 1 ? y.row(1) - y.row(0) : N}, {pairs_in(left), pairs, false}, pairs_in(right), T, N,
                 pairs, false);
}

void CpuBackend::outer_in_pairs(cpu::Rows dw, cpu::ConstRows dy, cpu::ConstRows x, int64_t T, int64_t N, int64_t K) {
  const int64_t pairs = (T + 1) / 2, left_panels = panels_of_columns(N), right_panels = panels_of_columns(K);
  const Scratch::Buffer left = scratch_.take(left_panels * pairs * kPairColumns);
  const Scratch::Buffer right = scratch_.take(right_panels * pairs * kPairColumns);
  threads_->parallel_for(left_panels + right_panels, row_grain(T * kPairColumns), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const bool of_left = i < left_panels;
      const int64_t panel = of_left ? i : i - left_panels, column = panel * kPairColumns;
      const cpu::ConstRows& from = of_left ? dy : x;
      kernels_.pairs->interleave(pairs_in(of_left ? left : right) + panel * pairs * kPairColumns,
                                 {from.data + column, from.stride}, T,
                                 std::min(kPairColumns, (of_left ? N : K) - column));
    }
  });
  multiply_pairs(dw, {pairs_in(left), pairs, true}, pairs_in(right), N, K, pairs, true);
}

}  // namespace dure

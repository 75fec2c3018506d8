#pragma once

#include "backend/cpu/isa/tile/pairs.h"
#include "backend/cpu/isa/tile/tile.h"

// Products of panels with rows of activations in bfloat16, by tiles: two panels are unpacked to bfloat16 a slab of
// columns at a time, and all rows of activations pass by, 32 at once. A row is added up 32 columns after 32 columns,
// whatever M is and wherever in a tile the row lies.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int kTileColumns = 2 * kTilePairs;
constexpr int kTileSlab = 1024;      // columns of weights that are unpacked at once: 64 KiB of the L2 cache
constexpr int kTileBlockRows = 256;  // of x that pass by: 512 KiB of a slab

/// Rows of x, 16 bytes of pairs and sums to each pair of panels.
using SlabPairs = uint8_t[2][kTileSlab / 2 * 64];
using TileSums = float[2][kTileBlockRows][kTilePairs];

/// Continues the sums of kA tiles of rows with both panels over `columns` of the slab. x: kA tiles' first rows.
template <int kA>
DURE_INLINE void multiply_tiles(Tiles& tiles, const uint8_t* const (&x)[2], int64_t x_stride, const SlabPairs& pairs,
                                int64_t columns, bool first, float* const (&sums)[2]) {
  constexpr int64_t kSumTile = kTileRows * kTilePairs;
  if (first) {
    tiles.clear<0>(), tiles.clear<1>();
    if constexpr (kA == 2) tiles.clear<2>(), tiles.clear<3>();
  } else {
    tiles.load<0>(sums[0], 64), tiles.load<1>(sums[1], 64);
    if constexpr (kA == 2) tiles.load<2>(sums[0] + kSumTile, 64), tiles.load<3>(sums[1] + kSumTile, 64);
  }
  for (int64_t k = 0; k < columns; k += kTileColumns) {
    tiles.load<4>(x[0] + 2 * k, x_stride);
    tiles.load<6>(pairs[0] + 32 * k, 64);
    tiles.load<7>(pairs[1] + 32 * k, 64);
    tiles.multiply<0, 4, 6>();
    tiles.multiply<1, 4, 7>();
    if constexpr (kA == 2) {
      tiles.load<5>(x[1] + 2 * k, x_stride);
      tiles.multiply<2, 5, 6>();
      tiles.multiply<3, 5, 7>();
    }
  }
  tiles.store<0>(sums[0], 64), tiles.store<1>(sums[1], 64);
  if constexpr (kA == 2) tiles.store<2>(sums[0] + kSumTile, 64), tiles.store<3>(sums[1] + kSumTile, 64);
}

/// `rows` <= 256 rows of x with weights [row, row + count), of at most two panels.
template <class P>
void tile_block(const PanelRows& w, int64_t row, int64_t count, PanelInput x, int64_t rows, float* y,
                int64_t y_stride) {
  alignas(64) SlabPairs pairs;
  alignas(64) TileSums sums;
  alignas(64) uint8_t last[kTileRows][kTileSlab * 2];  // a tile's rows of x that are not all there
  const int64_t whole = rows / kTileRows * kTileRows;
  memset(last, 0, sizeof last);
  for (int64_t column = 0; column < w.columns; column += kTileSlab) {
    const int64_t end = w.columns - column < kTileSlab ? w.columns : column + kTileSlab;
    const int64_t columns = (end - column + kTileColumns - 1) / kTileColumns * kTileColumns;
    for (int p = 0; p < 2; ++p) {
      if (columns > end - column) memset(pairs[p] + (columns - kTileColumns) * 32, 0, kTileColumns * 32);
      if (p * cpu::kPanelRows < count) P::unpack(w, row + p * cpu::kPanelRows, column, end, pairs[p]);
    }
    for (int64_t r = whole; r < rows; ++r)
      memcpy(last[r - whole], x.data + r * x.row_bytes + 2 * column, static_cast<size_t>(2 * columns));

    Tiles tiles;
    const auto at = [&](int64_t r) { return r < whole ? x.data + r * x.row_bytes + 2 * column : last[0]; };
    for (int64_t r = 0; r < rows;) {
      float* const sums_at[2] = {sums[0][r], sums[1][r]};
      const uint8_t* const from[2] = {at(r), at(r + kTileRows)};
      if (r + 2 * kTileRows <= whole) {
        multiply_tiles<2>(tiles, from, x.row_bytes, pairs, columns, column == 0, sums_at);
        r += 2 * kTileRows;
      } else {
        multiply_tiles<1>(tiles, from, r < whole ? x.row_bytes : kTileSlab * 2, pairs, columns, column == 0, sums_at);
        r += kTileRows;
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int p = 0; p < 2; ++p)
      store_rows(y + r * y_stride + p * cpu::kPanelRows, load(sums[p][r]), count - p * cpu::kPanelRows);
}

/// PanelKernels::dot
template <class P>
void tile_dot(const PanelRows& w, int64_t begin, int64_t end, PanelInput x, int64_t M, float* y, int64_t y_stride) {
  for (int64_t m = 0; m < M; m += kTileBlockRows) {
    const int64_t rows = M - m < kTileBlockRows ? M - m : kTileBlockRows;
    for (int64_t n = begin; n < end; n += 2 * cpu::kPanelRows)
      tile_block<P>(w, n, end - n, {x.data + m * x.row_bytes, x.row_bytes}, rows, y + m * y_stride + (n - begin),
                    y_stride);
  }
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

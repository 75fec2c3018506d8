#pragma once

#include <algorithm>
#include <cstdint>

// Sizes of the pieces that work is cut into. They decide how fast a result comes, never what it is.

namespace dure::heuristics {

/// Up to this many rows of x, weights are unpacked in registers as they stream by; with more rows they are unpacked
/// once into a panel that stays in the cache.
constexpr int64_t kFusedRows = 3;

constexpr int64_t kTile = 4;  ///< rows of w that one register tile takes

inline int64_t tiles(int64_t rows) { return std::max<int64_t>(rows / kTile, 1) * kTile; }

/// Weight rows that a thread takes at once when weights are streamed: long enough for the prefetcher, and to hide the
/// cost of taking one.
inline int64_t stream_rows(int64_t row_bytes) {
  constexpr int64_t kBytes = 64 << 10;
  return tiles(kBytes / std::max<int64_t>(row_bytes, 1));
}

/// Weight rows of one unpacked panel of K columns: a third of a 1 MiB L2 cache.
inline int64_t panel_rows(int64_t columns) {
  constexpr int64_t kFloats = (384 << 10) / 4;
  return std::min<int64_t>(tiles(kFloats / std::max<int64_t>(columns, 1)), 64);
}

/// Weight rows of a piece of panels. Kernels ask for memory ahead of a piece's end, which is in vain where another
/// thread goes on, so pieces are long; but no thread shall wait for another's last one.
inline int64_t panel_piece(int64_t panel_bytes, int64_t rows, int threads) {
  constexpr int64_t kShortest = 64 << 10, kLongest = 256 << 10;
  const int64_t bytes = std::clamp(rows / 16 * panel_bytes / (4 * threads), kShortest, kLongest);
  return std::max<int64_t>(bytes / panel_bytes / 2, 1) * 32;  // kernels take two panels at once
}

/// A mixture of experts with up to so many choices is added up where its outputs are made.
constexpr int64_t kFewChoices = 64;

/// The transposed product works on slabs of columns, and unpacks that many rows of a slab at once (L1).
constexpr int64_t kSlabColumns = 256, kSlabRows = 32;

/// Gradients of weights: weight rows of one piece, and rows of the batch between two visits of its sums.
constexpr int64_t kOuterRows = 64, kOuterDepth = 128;

/// Products of bfloat16 pairs: rows and panels of one piece, and pairs that a panel shows at once (32 KiB).
constexpr int64_t kPairRows = 256, kPairPanels = 4, kPairDepth = 256;

/// Attention: queries (rows times heads of a group) that read keys together, and the number of such pieces for each
/// thread below which a sequence's positions are dealt out to threads as well.
constexpr int64_t kQueries = 64, kPiecesPerThread = 4;

/// The indexer: heads of rows and positions that are multiplied together, and scores that are kept at once (64 MiB).
constexpr int64_t kIndexRows = 512, kIndexLines = 256, kIndexScores = 16 << 20;

/// Rows of elementwise work that a thread takes at once.
inline int64_t row_grain(int64_t columns) {
  constexpr int64_t kFloats = 16 << 10;
  return std::max<int64_t>(kFloats / std::max<int64_t>(columns, 1), 1);
}

}  // namespace dure::heuristics

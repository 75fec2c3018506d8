#pragma once

#include <limits>

#include "nn/batch.h"

namespace dure {

/// The rows of a batch by the cells that they stand in: stretches of kSize positions, counted from position 0 of each
/// sequence. A piece is the rows of one sequence in one cell; its lines are the positions from the cell's start to its
/// last row. See MLA for what this is good for.
struct Cells {
  /// A compromise: longer cells save products for whole prompts, shorter ones for a few rows behind a cached prefix, as
  /// every chunk expands its cell anew. docs/performance.md counts the products.
  static constexpr int kSize = 1024;

  std::vector<int> starts;                       ///< [C + 1] first row of each piece
  std::vector<int> in_cell;                      ///< [T] a row's position within its cell
  std::vector<int> before_cell;                  ///< [T] the last position before its cell; -1 in the first
  std::vector<int> line_starts, line_positions;  ///< [C + 1] first line of each piece; [N] their positions
  Tensor block_table;                            ///< I32 [C, pages per sequence]
  bool first_only = true;                        ///< no row has a cell before its own

  /// Rows from position `end` on attend nothing here, and nobody attends them.
  explicit Cells(const Batch& b, int end = std::numeric_limits<int>::max());
  Ragged own() const { return {starts, in_cell}; }
  Ragged earlier() const { return {starts, before_cell}; }
  Ragged lines() const { return {line_starts, line_positions}; }
};

}  // namespace dure

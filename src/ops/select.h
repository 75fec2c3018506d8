#pragma once

#include "backend/backend.h"

namespace dure {

/// The positions that a row attends under DeepSeek Sparse Attention (DeepSeek-V3.2-Exp, section 2.1): the `count` with
/// the highest index scores
///
///     I[t, j] = sum_h weights[t, h] relu(q[t, h] . key[j]),   j up to t's own position
///
/// q        [T, H, D]  f32
/// weights  [T, H]     f32
/// keys     [blocks, block_size, 1, D] pages with block_table I32 [S, pages per sequence]; or
///          [lines, 1, D], where position p of sequence s is line line_starts[s] + p
/// returns  I32 [T, count] in ascending order; all positions, then -1, if there are no more than `count`. Ties go to
///          the lower position.
/// No gradient: the model is trained with another loss for it.
Tensor select_paged(const Tensor& q, const Tensor& weights, const Tensor& keys, const Tensor& block_table,
                    const Ragged& rows, int64_t count);
Tensor select_lines(const Tensor& q, const Tensor& weights, const Tensor& keys, std::span<const int> line_starts,
                    const Ragged& rows, int64_t count);

}  // namespace dure

#pragma once

#include <array>

#include "backend/backend.h"

namespace dure {

/// Causal attention of each row over its own sequence, keys and values being rows of the batch:
///
///     o[t, h] = sum_j softmax_j(scale * q[t, h] . key[j, h]) value[j, h],   j up to t in t's sequence
///
/// q        [T, H, Dk]           f32
/// key      [T, Hk, Dk], or two parts whose widths add up to Dk, each with heads that divide H
/// value    [T, Hv, Dv]
/// returns  [T, H, Dv]
/// Gradients flow to q, key and value.
Tensor attention(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const Ragged& rows,
                 float scale);

/// The same over cache pages (see KvSource), at the positions up to each row's own. No gradient.
/// key, value  [blocks, block_size, heads, width]; block_table I32 [S, pages per sequence]
Tensor attention_paged(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value,
                       const Tensor& block_table, const Ragged& rows, float scale);

/// Writes rows x [T, width] to their places in pages [blocks, block_size, width]. No gradient.
void cache_append(const Tensor& pages, const Tensor& x, const Tensor& block_table, const Ragged& rows);

}  // namespace dure

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

/// The same over cache pages (see KvSource), at the positions up to each row's own; none for position -1. No gradient.
/// key, value  [blocks, block_size, heads, width]; block_table I32 [S, pages per sequence]
/// lse         if given, receives log sum_j exp(scale * q . key[j]) [T, H], for merge_attention
Tensor attention_paged(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value,
                       const Tensor& block_table, const Ragged& rows, float scale, Tensor* lse = nullptr);

/// The same over plain lines: position p of sequence s is line line_starts[s] + p. No gradient.
/// key, value  [lines, heads, width]
Tensor attention_lines(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value,
                       std::span<const int> line_starts, const Ragged& rows, float scale, Tensor* lse = nullptr);

/// o [T, H, D] and its lse [T, H] become attention to the union of two sets of positions. In place, no gradient.
void merge_attention(const Tensor& o, const Tensor& lse, const Tensor& other, const Tensor& other_lse);

/// Writes rows x [T, width] to their places in pages [blocks, block_size, width]. No gradient.
void cache_append(const Tensor& pages, const Tensor& x, const Tensor& block_table, const Ragged& rows);

/// What pages hold at rows' positions, as float32: [T, width]. No gradient.
Tensor cache_read(const Tensor& pages, const Tensor& block_table, const Ragged& rows);

}  // namespace dure

#pragma once

#include <span>

#include "tensor/tensor.h"

namespace dure {

/// The same elements in another shape. x must be contiguous; one dimension may be -1.
Tensor reshape(const Tensor& x, Shape shape);

/// Channels [begin, begin + count) of the last dimension: a view that shares memory. [..., D] -> [..., count]
Tensor narrow(const Tensor& x, int64_t begin, int64_t count);

/// x cut after `first` channels of the last dimension: [..., D] -> [..., first], [..., D - first].
std::pair<Tensor, Tensor> split(const Tensor& x, int64_t first);

/// Joins along the last dimension: [..., A], [..., B] -> [..., A + B].
Tensor concat(const Tensor& a, const Tensor& b);

/// The rows of x named by `rows`, in that order: [T, ...] -> [rows.size(), ...].
Tensor take_rows(const Tensor& x, std::vector<int> rows);

/// to[rows[i]] = from[i]. In place, no gradient.
void put_rows(const Tensor& to, std::span<const int> rows, const Tensor& from);

/// x itself if contiguous, else a contiguous copy.
Tensor contiguous(const Tensor& x);

}  // namespace dure

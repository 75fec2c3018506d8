#pragma once

#include <functional>

#include "ops/checkpoint.h"

namespace dure {

/// Losses of the rows [begin, begin + n) of all logits, added up. logits [n, V] f32. `dlogits`, of the same shape, gets
/// the gradient of the sum where it is defined.
using RowLosses = std::function<double(const Tensor& logits, int64_t begin, Tensor& dlogits)>;

/// The sum of all rows' losses for logits = head(hidden), which are made and forgotten by `chunk` rows at a time: [T,
/// V] may be larger than all else of a training step. Their gradients are computed at once, where the logits are at
/// hand, so that backward() only scales them. Chunks in which every label is negative are left out.
///
/// head    [rows, D] -> [rows, V], row by row; may have leaves of its own, as checkpoint()
/// hidden  [T, D]
/// labels  [T] I32
/// returns [1], 0 if every label is negative
/// Throws Error if a label is outside the vocabulary.
Tensor chunked_loss(const Block& head, const Tensor& hidden, const Tensor& labels, const RowLosses& losses,
                    int64_t chunk);

}  // namespace dure

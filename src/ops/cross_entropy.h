#pragma once

#include "ops/checkpoint.h"

namespace dure {

/// Mean of -log softmax(logits[t])[labels[t]] over the rows whose label is not negative (-100 by custom: ignored).
///
/// logits  [T, V]  f32
/// labels  [T]     I32
/// returns [1]
/// Throws Error if every label is ignored or one is outside the vocabulary.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

/// The sum, not the mean, of the same losses for logits = head(hidden), which are made and forgotten by `chunk` rows at
/// a time: [T, V] may be larger than all else of a training step. Their gradients are computed at once, where the
/// logits are at hand, so that backward() only scales them.
///
/// head    [rows, D] -> [rows, V], row by row; may have leaves of its own, as checkpoint()
/// hidden  [T, D]
/// labels  [T] I32; a row with a negative one has no loss
/// weights [T] f32: each row's loss counts so many times, also less than 0; without it, once
/// returns [1], 0 if every label is ignored
Tensor chunked_cross_entropy(const Block& head, const Tensor& hidden, const Tensor& labels, const Tensor& weights = {},
                             int64_t chunk = 512);

}  // namespace dure

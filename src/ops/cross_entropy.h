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

/// The sum, not the mean, of the same losses for logits = head(hidden), by chunks (ops/chunked_loss.h).
///
/// weights [T] f32: each row's loss counts so many times, also less than 0; without it, once
Tensor chunked_cross_entropy(const Block& head, const Tensor& hidden, const Tensor& labels, const Tensor& weights = {},
                             int64_t chunk = 512);

}  // namespace dure

#pragma once

#include "tensor/tensor.h"

namespace dure {

/// Mean of -log softmax(logits[t])[labels[t]] over the rows whose label is not negative (-100 by custom: ignored).
///
/// logits  [T, V]  f32
/// labels  [T]     I32
/// returns [1]
/// Throws Error if every label is ignored or one is outside the vocabulary.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

}  // namespace dure

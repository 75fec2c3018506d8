#pragma once

#include <span>

#include "backend/backend.h"

namespace dure {

/// The sequence-wise balance loss (DeepSeek-V3, equations 17 to 20), a sum over rows: with T_s rows of sequence s,
///
///     L = sum_s T_s sum_i f_i P_i,   f_i = E / (k T_s) * (rows of s that chose expert i),
///                                    P_i = mean over the rows of s of score_i / sum_j score_j
///
/// which is the number of rows where experts are used evenly, and more elsewhere. f is a constant of the graph.
///
/// logits  [T, E]      of the router
/// ids     [T, k] I32  the experts that it chose
/// starts  S + 1 first rows of sequences, the last is T
/// returns [1]
Tensor balance_loss(const Tensor& logits, const Tensor& ids, std::span<const int> starts, Routing::Score score);

/// y itself, which carries a loss along: whoever asks for gradients of something that depends on y asks for those of
/// factor * loss as well, as if it had been added to the end. So a layer deep inside may have a loss of its own.
Tensor with_loss(const Tensor& y, const Tensor& loss, float factor);

}  // namespace dure

#pragma once

#include <span>
#include <vector>

#include "toolbox/evaluate.h"

namespace dure {

/// -ln p of every token that counts, a list for each window. Windows go through the model many at once, side by side,
/// so that short ones take no longer than their tokens.
/// Throws Error if a logit is not finite. REQUIRES: a window is no longer than the model's context.
std::vector<std::vector<float>> token_losses(Model& model, Device& device, std::span<const Window> windows,
                                             const EvaluationProgress& progress = {});

}  // namespace dure

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "models/model.h"
#include "train/data/token_source.h"

namespace dure {

struct GrpoOptions {
  int prompts = 16, samples = 8;  ///< of a step, and of each prompt
  int max_tokens = 160;           ///< of an answer
  double clip_low = 0.2,
         clip_high = 0.28;  ///< a probability counts while it is within 1 - low .. 1 + high of what it was
  /// Answers are made by the arithmetic of training, so that their log-probabilities, and with them the choices of
  /// experts, are training's to the bit. A step in which they are not fails.
  bool exact = true;
  uint64_t seed = 1;
};

/// An answer to one of the prompts.
struct SampledAnswer {
  size_t task;
  std::span<const int> ids;  ///< without the end token
  bool finished;             ///< it ended itself
};

/// What is asked, and what answers are worth.
struct GrpoTasks {
  std::vector<std::vector<int>> prompts;
  std::vector<int> end_tokens;
  std::function<std::vector<double>(std::span<const SampledAnswer>)> rewards;  ///< one for each
};

/// Group relative policy optimisation with verifiable rewards (arXiv 2402.03300, as stabilised in DeepSeek-V3.2's
/// report): each step samples groups of answers from the model as it is, at temperature 1, and learns
///
///     -mean over tokens of  A p / p_old,   A = reward - mean of the group's rewards
///
/// where a token is left out once p / p_old has moved beyond the clip in the direction of A. Groups whose answers are
/// all worth the same teach nothing and are left out. There is no KL term.
///
/// Measures: reward (mean), right (share of rewards of at least 1), answer_tokens (mean), finished (share), groups
/// (kept), max_dlogp (largest difference between log-probabilities of sampling and training).
///
/// Throws Error if there are no tasks. REQUIRES: model and device outlive the source.
std::unique_ptr<StepSource> make_grpo_source(Model& model, Device& device, GrpoTasks tasks, const GrpoOptions& options);

}  // namespace dure

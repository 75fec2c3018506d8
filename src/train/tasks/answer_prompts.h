#pragma once

#include <functional>
#include <vector>

#include "engine/engine.h"

namespace dure {

/// One answer of a model, without its end token.
struct PromptAnswer {
  std::vector<int> ids;
  FinishReason reason = FinishReason::stop;  ///< length: it was not done yet
};

/// `attempts` answers to each of many prompts, all in line at once, so that the engine always has a full batch. The
/// seed of an answer is that of `sampling` and its number, so that company does not change it.
/// Throws Error for a prompt that the engine refuses, and whatever went wrong with an answer.
/// REQUIRES: the engine has no other requests and was made with max_num_waiting 0.
std::vector<std::vector<PromptAnswer>> answer_prompts(
    Engine& engine, const std::vector<std::vector<int>>& prompts, const SamplingParams& sampling, int attempts = 1,
    const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace dure

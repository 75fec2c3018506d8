#pragma once

#include <functional>
#include <vector>

#include "engine/engine.h"

namespace dure {

/// One answer of a model.
struct PromptAnswer {
  std::vector<int> ids;
  std::vector<float> logprobs;               ///< of each, if SamplingParams::logprobs asks for them
  FinishReason reason = FinishReason::stop;  ///< length: it was not done yet
};

struct AnswerOptions {
  int attempts = 1;       ///< answers to each prompt
  bool with_end = false;  ///< an end token that was sampled is the last of the ids
  std::function<void(int64_t done, int64_t total)> progress = {};
};

/// Answers to many prompts, all in line at once, so that the engine always has a full batch. The seed of an answer is
/// that of `sampling` and its number, so that company does not change it.
/// Throws Error for a prompt that the engine refuses, and whatever went wrong with an answer.
/// REQUIRES: the engine has no other requests and was made with max_num_waiting 0.
std::vector<std::vector<PromptAnswer>> answer_prompts(Engine& engine, const std::vector<std::vector<int>>& prompts,
                                                      const SamplingParams& sampling,
                                                      const AnswerOptions& options = {});

}  // namespace dure

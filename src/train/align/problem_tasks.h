#pragma once

#include <functional>
#include <string>
#include <vector>

#include "text/prompt_renderer.h"
#include "text/tokenizer.h"
#include "train/align/grpo.h"
#include "train/rewards/problem.h"

namespace dure {

struct RewardOptions {
  double format = 0.1;   ///< of an answer that is wrong, but left its reasoning and ended
  bool thinking = true;  ///< answers begin with reasoning, where the chat template knows that
  /// Instead of the rule: a shell command that reads JSON Lines with `prompt`, `expected` and `answer`, and writes a
  /// number a line. Empty: the rule that is the problem's kind.
  std::string command = {};
  std::filesystem::path scratch = {};  ///< folder for the command's files
};

/// Problems as a model is asked them through its chat template, and what its answers are worth: 1 if right, a little if
/// well-formed, else 0. An answer that was cut off is worth nothing.
/// Throws Error if a prompt cannot be rendered. REQUIRES: the tokenizer outlives the tasks.
GrpoTasks problem_tasks(std::vector<Problem> problems, const PromptRenderer& renderer, const Tokenizer& tokenizer,
                        const RewardOptions& options);

}  // namespace dure

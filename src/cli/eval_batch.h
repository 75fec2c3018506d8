#pragma once

#include <memory>

#include "cli/eval_commands.h"
#include "train/rewards/problem.h"

namespace dure {

/// Options of commands that have a model answer many prompts.
struct BatchOptions {
  ModelOptions model;
  SamplingOverrides sampling;
  ThinkingOption thinking;
  int attempts = 1, context = 0, sequences = 64;
  bool raw = false;

  BatchOptions() { model.compute = "int8"; }  // as dure run and dure serve answer
  void add_to(CLI::App& command);             ///< MODEL and what is said of it,
  void add_more_to(CLI::App& command);        ///< and, after other names of files, the rest
};

struct BatchAnswer {
  std::string text;  ///< from <think> on, where it thinks
  size_t tokens = 0;
  bool finished = true;  ///< it ended itself
};

struct BatchAnswers {
  std::vector<std::vector<BatchAnswer>> of;  ///< each prompt, as many as attempts
  double tokens_per_second = 0;
};

/// Answers to conversations, many at once, the likeliest tokens if nothing else is asked for.
/// Throws Error if the model cannot be loaded or a prompt does not fit.
BatchAnswers answer_batch(const BatchOptions& options, const std::vector<std::vector<Problem::Message>>& prompts);

}  // namespace dure

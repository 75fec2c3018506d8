#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/model_options.h"
#include "toolbox/evaluate.h"

namespace dure {

// The subcommands of dure eval that have a file of their own.
void add_eval_bpb(CLI::App& parent);
void add_eval_choice(CLI::App& parent);
void add_eval_answers(CLI::App& parent);
void add_eval_samples(CLI::App& parent);

Json to_json(const Estimate& e);
EvaluationProgress progress_of(ProgressBar& bar);

/// Rows of as many columns each: the first aligned left, the others right.
void print_columns(const std::vector<std::vector<std::string>>& rows);
/// "93.5 ± 1.7 %"
std::string percent_text(const Estimate& e);

}  // namespace dure

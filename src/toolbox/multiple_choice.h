#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "toolbox/evaluate.h"

namespace dure {

/// A question with answers to choose from, one of which is right.
struct ChoiceQuestion {
  std::string question;
  std::vector<std::string> choices = {};
  size_t right = 0;
  std::string group;   ///< "kind" of the record, else its file's name
  std::string source;  ///< FILE:LINE
};

/// Records of JSON Lines: "question", "choices" (a list of 2 to 64 texts), "answer" (the index of the right one from 0
/// on, its letter, or its text), perhaps "kind". `most` > 0: reads no more than so many.
/// Throws Error naming FILE:LINE and what was expected.
std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& path, size_t most = 0);

/// What a model makes of one question: nats[i] is -ln p(choice i | question).
struct ChoiceScore {
  std::vector<double> nats;
  size_t likeliest = 0;           ///< of all choices as they stand
  size_t likeliest_per_byte = 0;  ///< of choices of any length, by -ln p for each byte
};

/// `prompts[q]` are the ids before an answer to question q, `answers[q][i]` those of its choice i.
/// Throws Error naming a question that does not fit the model's context, or has a choice without tokens.
std::vector<ChoiceScore> score_choices(Model& model, Device& device, const std::vector<ChoiceQuestion>& questions,
                                       const std::vector<std::vector<int>>& prompts,
                                       const std::vector<std::vector<std::vector<int>>>& answers,
                                       const EvaluationProgress& progress = {});

}  // namespace dure

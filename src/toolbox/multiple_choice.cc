#include "toolbox/multiple_choice.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "base/json_lines.h"
#include "toolbox/token_losses.h"

namespace dure {
namespace {

constexpr size_t kMostChoices = 64;

size_t right_choice(const Json& answer, const std::vector<std::string>& choices, const std::string& source) {
  if (answer.is_number_integer() && answer >= 0 && answer < choices.size()) return answer.get<size_t>();
  if (answer.is_string()) {
    const auto& text = answer.get_ref<const std::string&>();
    const auto same = std::ranges::find(choices, text);
    if (same != choices.end()) return static_cast<size_t>(same - choices.begin());
    const auto letter = text.size() == 1 ? static_cast<size_t>(text[0] - 'A') : choices.size();
    if (letter < choices.size()) return letter;
  }
  fail("{}: field 'answer': expected an index from 0 to {}, a letter or one of the choices", source,
       choices.size() - 1);
}

ChoiceQuestion read_question(const Json& record, const std::string& source, const std::string& group) {
  const Fields fields(record, source);
  ChoiceQuestion q{.question = fields.string("question"), .group = fields.string_or("kind", group), .source = source};
  const Json* choices = fields.find("choices");
  require(choices != nullptr && choices->is_array() && choices->size() >= 2 && choices->size() <= kMostChoices &&
              std::ranges::all_of(*choices, [](const Json& c) { return c.is_string() && !c.empty(); }),
          "{}: field 'choices': expected a list of 2 to {} texts", source, kMostChoices);
  for (const Json& choice : *choices) q.choices.push_back(choice.get<std::string>());
  require(fields.has("answer"), "{}: field 'answer' is missing", source);
  q.right = right_choice(*fields.find("answer"), q.choices, source);
  return q;
}

}  // namespace

std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& path, size_t most) {
  const std::string group = path.stem().string();
  std::vector<ChoiceQuestion> questions;
  for_each_json_line(path, [&](const Json& record, const std::string& source) {
    questions.push_back(read_question(record, source, group));
    return questions.size() != most;
  });
  require(!questions.empty(), "{}: no questions", path.string());
  return questions;
}

std::vector<ChoiceScore> score_choices(Model& model, Device& device, const std::vector<ChoiceQuestion>& questions,
                                       const std::vector<std::vector<int>>& prompts,
                                       const std::vector<std::vector<std::vector<int>>>& answers,
                                       const EvaluationProgress& progress) {
  std::vector<Window> windows;
  for (size_t q = 0; q < questions.size(); ++q)
    for (const std::vector<int>& answer : answers[q]) {
      Window w{prompts[q], static_cast<int>(prompts[q].size()) - 1};
      w.ids.insert(w.ids.end(), answer.begin(), answer.end());
      require(!prompts[q].empty() && !answer.empty(), "{}: a choice has no tokens, or nothing comes before it",
              questions[q].source);
      require(w.ids.size() <= static_cast<size_t>(model.info().max_position_embeddings),
              "{}: {} tokens, but the model was made for {}", questions[q].source, w.ids.size(),
              model.info().max_position_embeddings);
      windows.push_back(std::move(w));
    }
  const std::vector<std::vector<float>> losses = token_losses(model, device, windows, progress);

  std::vector<ChoiceScore> scores(questions.size());
  auto next = losses.begin();
  for (size_t q = 0; q < questions.size(); ++q) {
    const std::vector<std::string>& choices = questions[q].choices;
    std::vector<double> per_byte;
    for (const std::string& choice : choices) {
      scores[q].nats.push_back(std::accumulate(next->begin(), next->end(), 0.0));
      per_byte.push_back(scores[q].nats.back() / static_cast<double>(std::max<size_t>(choice.size(), 1)));
      ++next;
    }
    const auto least = [](const std::vector<double>& list) {
      return static_cast<size_t>(std::ranges::min_element(list) - list.begin());
    };
    scores[q].likeliest = least(scores[q].nats);
    scores[q].likeliest_per_byte = least(per_byte);
  }
  return scores;
}

}  // namespace dure

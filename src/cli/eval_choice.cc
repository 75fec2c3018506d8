#include <fmt/format.h>

#include "base/json.h"
#include "base/utf8.h"
#include "chat/settings.h"
#include "cli/app.h"
#include "cli/eval_commands.h"
#include "cli/eval_groups.h"
#include "toolbox/multiple_choice.h"
#include "toolbox/ratio.h"

namespace dure {
namespace {

struct ChoiceOptions {
  ModelOptions model;
  std::vector<std::string> files;
  size_t most = 0;
  bool raw = false, json = false;
};

struct ChoicesScore {
  Ratio right, right_per_byte, chance;
};

/// A choice follows the question as an answer would: at once, without thoughts.
std::vector<int> prompt_of(const LoadedModel& model, const std::string& question, bool raw) {
  if (raw) return model.raw_prompt(question + "\n");
  Json context = thinking_flags(false);
  context["messages"] = Json::array({Json{{"role", "user"}, {"content", sanitize_utf8(question)}}});
  context["add_generation_prompt"] = true;
  return model.render(std::move(context), true).ids;
}

void evaluate(const ChoiceOptions& o) {
  const LoadedModel model({o.model.path(), o.model.device(), o.model.load()});
  const bool raw = o.raw || model.renderer() == nullptr;
  std::vector<ChoiceQuestion> questions;
  for (const std::string& file : o.files)
    for (ChoiceQuestion& q : read_choice_questions(file, o.most)) questions.push_back(std::move(q));
  std::vector<std::vector<int>> prompts;
  std::vector<std::vector<std::vector<int>>> answers;
  for (const ChoiceQuestion& q : questions) {
    prompts.push_back(prompt_of(model, q.question, raw));
    answers.emplace_back();
    for (const std::string& choice : q.choices)
      answers.back().push_back(model.tokenizer().encode(choice, {.parse_special = false}));
  }
  ProgressBar bar("scoring");
  const std::vector<ChoiceScore> scores =
      score_choices(model.model(), model.device(), questions, prompts, answers, progress_of(bar));
  bar.finish();

  Groups<ChoicesScore> groups;
  for (size_t q = 0; q < questions.size(); ++q)
    groups.add(questions[q].group, [&](ChoicesScore& g) {
      g.right.add(scores[q].likeliest == questions[q].right);
      g.right_per_byte.add(scores[q].likeliest_per_byte == questions[q].right);
      g.chance.add(1 / static_cast<double>(questions[q].choices.size()));
    });

  Json json = Json::object();
  std::vector<std::vector<std::string>> rows = {{"questions", "count", "right", "right, per byte", "by chance"}};
  for (const auto& [name, g] : groups) {
    json[name] = {{"questions", g.right.count()},
                  {"right", to_json(g.right.estimate())},
                  {"right_per_byte", to_json(g.right_per_byte.estimate())},
                  {"chance", g.chance.estimate().mean}};
    rows.push_back({name, std::to_string(g.right.count()), percent_text(g.right.estimate()),
                    percent_text(g.right_per_byte.estimate()),
                    fmt::format("{:.1f} %", 100 * g.chance.estimate().mean)});
  }
  if (o.json)
    fmt::print("{}\n", dump_json(json, 2));
  else
    print_columns(rows);
}

}  // namespace

/// dure eval choice: questions with answers to choose from, by the probability of each answer.
void add_eval_choice(CLI::App& parent) {
  auto o = std::make_shared<ChoiceOptions>();
  CLI::App* command = parent.add_subcommand("choice", "Multiple choice, by the probability of each answer");
  o->model.add_to(*command);
  command
      ->add_option("FILES", o->files,
                   "JSON Lines: question, choices, answer (an index from 0 on, a letter, or the text), perhaps kind")
      ->required();
  command->add_option("--limit", o->most, "Ask so many questions of each file")->check(kAtLeastOne);
  command->add_flag("--raw", o->raw, "The question and a line break instead of the chat template");
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] { evaluate(*o); });
}

}  // namespace dure

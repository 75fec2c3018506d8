#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/eval_batch.h"
#include "cli/eval_groups.h"
#include "toolbox/ratio.h"

namespace dure {
namespace {

struct AnswersOptions {
  BatchOptions batch;
  std::vector<std::string> files;
  std::string kind, samples;
  size_t most = 0;
  bool json = false;
};

struct AnswersScore {
  Ratio right, solved, finished, tokens;  // solved: by at least one attempt
};

std::string group_of(const Problem& p) { return p.language.empty() ? p.kind : p.kind + " " + p.language; }

void write_sample(const Problem& p, const BatchAnswer& answer, bool right, bool as_json, std::ostream& out) {
  if (as_json) {
    out << dump_json({{"group", group_of(p)},
                      {"prompt", p.messages.back().content},
                      {"expected", p.answer},
                      {"answer", answer.text},
                      {"tokens", answer.tokens},
                      {"right", right},
                      {"finished", answer.finished}})
        << '\n';
    return;
  }
  out << fmt::format("=== {}: {}{}, {} tokens\n{}\n--- expected {}\n{}\n\n", group_of(p), right ? "right" : "wrong",
                     answer.finished ? "" : ", not finished", answer.tokens, p.messages.back().content, p.answer,
                     answer.text);
}

void report(const Groups<AnswersScore>& groups, int attempts, bool as_json) {
  Json json = Json::object();
  std::vector<std::vector<std::string>> rows = {{"problems", "count", "right", "finished", "tokens"}};
  if (attempts > 1) rows[0].push_back(fmt::format("right in {}", attempts));
  for (const auto& [name, g] : groups) {
    json[name] = {{"problems", g.right.count()},
                  {"right", to_json(g.right.estimate())},
                  {"right_in_any", to_json(g.solved.estimate())},
                  {"finished", to_json(g.finished.estimate())},
                  {"tokens", g.tokens.estimate().mean}};
    rows.push_back({name, std::to_string(g.right.count()), percent_text(g.right.estimate()),
                    fmt::format("{:.1f} %", 100 * g.finished.estimate().mean),
                    fmt::format("{:.0f}", g.tokens.estimate().mean)});
    if (attempts > 1) rows.back().push_back(percent_text(g.solved.estimate()));
  }
  if (as_json)
    fmt::print("{}\n", dump_json(json, 2));
  else
    print_columns(rows);
}

void evaluate(const AnswersOptions& o) {
  std::vector<Problem> problems;
  for (const std::string& file : o.files)
    for (Problem& p : read_problems(file, o.kind, o.most)) problems.push_back(std::move(p));
  std::vector<std::vector<Problem::Message>> prompts;
  for (const Problem& p : problems) prompts.push_back(p.messages);
  const BatchAnswers answers = answer_batch(o.batch, prompts);

  Groups<AnswersScore> groups;
  std::vector<std::vector<bool>> right(problems.size());
  for (size_t p = 0; p < problems.size(); ++p) {
    AnswersScore own;  // of this problem
    for (const BatchAnswer& a : answers.of[p]) {
      right[p].push_back(check(problems[p], a.text));
      own.right.add(right[p].back());
      own.finished.add(a.finished);
      own.tokens.add(static_cast<double>(a.tokens));
    }
    groups.add(group_of(problems[p]), [&](AnswersScore& g) {
      g.right.add(own.right.estimate().mean);
      g.solved.add(own.right.estimate().mean > 0);
      g.finished.add(own.finished.estimate().mean);
      g.tokens.add(own.tokens.estimate().mean);
    });
  }
  if (!o.samples.empty())
    write_file_atomically(o.samples, [&](std::ostream& out) {
      for (size_t p = 0; p < problems.size(); ++p)
        for (size_t a = 0; a < answers.of[p].size(); ++a)
          write_sample(problems[p], answers.of[p][a], right[p][a], o.samples.ends_with(".jsonl"), out);
    });
  report(groups, o.batch.attempts, o.json);
  if (!o.json) fmt::print("{:.0f} tokens/s\n", answers.tokens_per_second);
}

}  // namespace

/// dure eval answers: problems whose answers can be checked by rule.
void add_eval_answers(CLI::App& parent) {
  auto o = std::make_shared<AnswersOptions>();
  CLI::App* command = parent.add_subcommand("answers", "Arithmetic, countdown and GSM8K problems: exact match");
  o->batch.add_to(*command);
  command
      ->add_option("FILES", o->files,
                   "JSON Lines: prompt, question or messages; answer; kind (arithmetic, sum, gsm8k, countdown); of a "
                   "countdown numbers and target. dure data generate --form problem writes such files")
      ->required();
  command->add_option("--kind", o->kind, "Of records that do not name theirs");
  command->add_option("--limit", o->most, "Ask so many problems of each file")->check(kAtLeastOne);
  command->add_option("--samples", o->samples, "Also write every answer, to read; *.jsonl: as JSON Lines")
      ->type_name("FILE");
  o->batch.add_more_to(*command);
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] { evaluate(*o); });
}

}  // namespace dure

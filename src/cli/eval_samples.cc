#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/eval_batch.h"

namespace dure {
namespace {

struct SamplesOptions {
  BatchOptions batch;
  std::string file;
  size_t most = 0;
  bool json = false;
};

/// A prompt for each line of a text, and for each record of JSON Lines with "prompt".
std::vector<std::string> read_prompts(const std::string& file, size_t most) {
  const std::string text = read_file(file);
  const bool records = file.ends_with(".jsonl");
  std::vector<std::string> prompts;
  for (size_t begin = 0, line = 1; begin < text.size() && (most == 0 || prompts.size() < most); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    begin = end + 1;
    if (one.find_first_not_of(" \t\r") == one.npos) continue;
    const std::string source = fmt::format("{}:{}", file, line);
    prompts.push_back(records ? Fields(parse_json(one, source), source).string("prompt") : one);
  }
  require(!prompts.empty(), "{}: no prompts", file);
  return prompts;
}

void dump_samples(const SamplesOptions& o) {
  const std::vector<std::string> texts = read_prompts(o.file, o.most);
  std::vector<std::vector<Problem::Message>> prompts;
  for (const std::string& text : texts) prompts.push_back({{"user", text}});
  const BatchAnswers answers = answer_batch(o.batch, prompts);
  for (size_t p = 0; p < texts.size(); ++p)
    for (const BatchAnswer& a : answers.of[p]) {
      if (o.json)
        fmt::print(
            "{}\n",
            dump_json({{"prompt", texts[p]}, {"answer", a.text}, {"tokens", a.tokens}, {"finished", a.finished}}));
      else
        fmt::print("=== {}\n{}{}\n\n", texts[p], a.text, a.finished ? "" : " [not finished]");
    }
}

}  // namespace

/// dure eval samples: answers to read.
void add_eval_samples(CLI::App& parent) {
  auto o = std::make_shared<SamplesOptions>();
  CLI::App* command = parent.add_subcommand("samples", "Answers to many prompts, to read");
  o->batch.add_to(*command);
  command->add_option("PROMPTS", o->file, "A text with a prompt in each line, or JSON Lines (*.jsonl) with prompt")
      ->required();
  command->add_option("--limit", o->most, "Use so many prompts")->check(kAtLeastOne);
  o->batch.add_more_to(*command);
  command->add_flag("--json", o->json, "As JSON Lines");
  command->callback([o] { dump_samples(*o); });
}

}  // namespace dure

#include "train/align/problem_tasks.h"

#include <sys/wait.h>

#include <charconv>
#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/data/conversation_tokens.h"
#include "train/rewards/final_answer.h"

namespace dure {
namespace {

/// An answer as text.
struct AnswerText {
  const Problem* problem;
  std::string text;  // from <think> on, where it thinks
  bool finished;
};

double rule_reward(const AnswerText& a, double format) {
  if (!a.finished) return 0;
  if (check(*a.problem, a.text)) return 1;
  return after_reasoning(a.text).empty() ? 0 : format;
}

/// One run of the command over all answers.
std::vector<double> command_rewards(const std::vector<AnswerText>& answers, const RewardOptions& o) {
  const std::filesystem::path in = o.scratch / "answers.jsonl", out = o.scratch / "rewards.txt";
  write_file_atomically(in, [&](std::ostream& to) {
    for (const AnswerText& a : answers)
      to << dump_json({{"prompt", a.problem->messages.back().content},
                       {"expected", a.problem->answer},
                       {"answer", a.text},
                       {"finished", a.finished}})
         << '\n';
  });
  const int status = std::system(fmt::format("( {} ) < '{}' > '{}'", o.command, in.string(), out.string()).c_str());
  require(status == 0, "grpo.command: {} ended with status {}", quote(o.command), WEXITSTATUS(status));
  std::vector<double> rewards;
  std::istringstream lines(read_file(out));
  for (std::string line; std::getline(lines, line);) {
    double reward = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), reward);
    require(error == std::errc() && end == line.data() + line.size(),
            "grpo.command: line {}: expected a number, found {}", rewards.size() + 1, quote(line));
    rewards.push_back(reward);
  }
  require(rewards.size() == answers.size(), "grpo.command: {} rewards for {} answers", rewards.size(), answers.size());
  return rewards;
}

}  // namespace

GrpoTasks problem_tasks(std::vector<Problem> problems, const PromptRenderer& renderer, const Tokenizer& tokenizer,
                        const RewardOptions& o) {
  GrpoTasks tasks;
  std::vector<bool> in_reasoning;
  for (const Problem& p : problems) {
    Json messages = Json::array();
    for (const Problem::Message& m : p.messages) messages.push_back({{"role", m.role}, {"content", m.content}});
    tasks.prompts.push_back(prompt_tokens(messages, o.thinking, renderer, tokenizer));
    const std::string prompt = tokenizer.decode(tasks.prompts.back());
    in_reasoning.push_back(prompt.ends_with("<think>") || prompt.ends_with("<think>\n"));
  }
  if (tokenizer.eos_id() >= 0) tasks.end_tokens = {tokenizer.eos_id()};
  tasks.rewards = [o, &tokenizer, problems = std::move(problems),
                   in_reasoning = std::move(in_reasoning)](std::span<const SampledAnswer> sampled) {
    std::vector<AnswerText> answers;
    for (const SampledAnswer& s : sampled)
      answers.push_back(
          {&problems[s.task], (in_reasoning[s.task] ? "<think>" : "") + tokenizer.decode(s.ids), s.finished});
    if (!o.command.empty()) return command_rewards(answers, o);
    std::vector<double> rewards;
    for (const AnswerText& a : answers) rewards.push_back(rule_reward(a, o.format));
    return rewards;
  };
  return tasks;
}

}  // namespace dure

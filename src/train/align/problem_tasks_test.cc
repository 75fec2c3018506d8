#include "train/align/problem_tasks.h"

#include <gmock/gmock.h>

#include "base/error_of.h"
#include "formats/temporary_folder.h"
#include "text/chat_template.h"
#include "train/data/deepseek_tokenizer.h"

namespace dure {
namespace {

class ProblemTasks : public testing::Test {
 protected:
  /// What the model said to "1 + 2", and what that is worth; `whole`: it ended itself.
  double reward(const RewardOptions& options, std::string_view said, bool whole = true) {
    const GrpoTasks tasks = problem_tasks({problem}, chat, tokenizer, options);
    const std::vector<int> ids = tokenizer.encode(said);
    const SampledAnswer answer{0, ids, whole};
    return tasks.rewards({&answer, 1}).at(0);
  }

  const Tokenizer tokenizer{deepseek_tokenizer(learn_merges({{"hello", 9}}, {}))};
  const ChatTemplate chat{std::string(deepseek_chat_template()), "test"};
  const Problem problem{{{"user", "1 + 2"}}, "arithmetic", "en", "3", {}, {}};
};

TEST_F(ProblemTasks, PromptsAreThoseThatAreServed) {
  const GrpoTasks tasks = problem_tasks({problem}, chat, tokenizer, {});
  EXPECT_EQ(tokenizer.decode(tasks.prompts.at(0)), "<｜begin▁of▁sentence｜><｜User｜>1 + 2<｜Assistant｜><think>");
  EXPECT_EQ(tasks.end_tokens, std::vector<int>{tokenizer.eos_id()});
  const GrpoTasks plain = problem_tasks({problem}, chat, tokenizer, {.thinking = false});
  EXPECT_EQ(tokenizer.decode(plain.prompts.at(0)), "<｜begin▁of▁sentence｜><｜User｜>1 + 2<｜Assistant｜></think>");
}

TEST_F(ProblemTasks, RightAnswersAreWorthOne) {
  const RewardOptions thinking, plain{.thinking = false};
  EXPECT_EQ(reward(thinking, "1 and 2</think>3"), 1);
  EXPECT_EQ(reward(plain, "3"), 1);
  EXPECT_EQ(reward(thinking, "it is 3</think>4"), 0.1);  // well-formed
  EXPECT_EQ(reward(thinking, "3"), 0);                   // still thinking
  EXPECT_EQ(reward(thinking, "1 and 2</think>3", false), 0);
  EXPECT_EQ(reward({.format = 0}, "it is 3</think>4"), 0);
}

TEST_F(ProblemTasks, ACommandMayJudge) {
  const TemporaryFolder folder;
  const auto judged = [&](const std::string& command) {
    return reward({.command = command, .scratch = folder.path()}, "1 and 2</think>3");
  };
  EXPECT_EQ(judged("grep -c '\"answer\":\"<think>1 and 2</think>3\"'"), 1);
  EXPECT_EQ(judged("cat > /dev/null; echo -0.25"), -0.25);
  EXPECT_THAT(error_of([&] { judged("exit 3"); }), testing::HasSubstr("'exit 3' ended with status 3"));
  EXPECT_THAT(error_of([&] { judged("echo good"); }), testing::HasSubstr("line 1: expected a number"));
  EXPECT_THAT(error_of([&] { judged("true"); }), testing::HasSubstr("0 rewards for 1 answers"));
}

}  // namespace
}  // namespace dure

#include "train/tasks/answer_prompts.h"

#include <gtest/gtest.h>

#include "engine/test_engine.h"

namespace dure {
namespace {

TEST(AnswerPrompts, CompanyChangesNothing) {
  TinyEngine tiny;
  EngineOptions options = tiny.options(128, 64);
  options.max_num_seqs = 8;
  options.max_num_waiting = 0;
  SamplingParams sampling;
  sampling.seed = 3;
  sampling.max_tokens = 12;
  std::vector<std::vector<int>> prompts;
  for (int i = 0; i < 20; ++i) prompts.push_back(tiny_prompt(2 + i, i));

  Engine engine = tiny.engine(options);
  int64_t total = 0;
  const auto all =
      answer_prompts(engine, prompts, sampling, {.attempts = 2, .progress = [&](int64_t, int64_t t) { total = t; }});
  EXPECT_EQ(total, 40);
  ASSERT_EQ(all.size(), prompts.size());
  for (size_t p = 0; p < prompts.size(); p += 7) {
    Engine alone = tiny.engine(options);
    SamplingParams own = sampling;
    own.seed = 3 + 2 * p;
    const auto one = answer_prompts(alone, {prompts[p]}, own, {.attempts = 2});
    for (size_t a = 0; a < 2; ++a) {
      EXPECT_EQ(all[p][a].ids, one[0][a].ids);
      EXPECT_EQ(all[p][a].reason, FinishReason::length);
    }
  }
}

TEST(AnswerPrompts, APromptThatDoesNotFitEndsAll) {
  TinyEngine tiny;
  EngineOptions options = tiny.options(32, 8);
  options.max_num_waiting = 0;
  Engine engine = tiny.engine(options);
  SamplingParams sampling;
  sampling.max_tokens = 4;
  EXPECT_THROW(answer_prompts(engine, {tiny_prompt(4, 1), tiny_prompt(90, 1)}, sampling), Error);
  EXPECT_EQ(answer_prompts(engine, {tiny_prompt(4, 1)}, sampling)[0][0].ids.size(), 4u);  // nothing is left behind
}

}  // namespace
}  // namespace dure

#include <gtest/gtest.h>

#include "chat/reasoning.h"

namespace dure {
namespace {

/// The parts of a text that arrives `step` bytes at a time, neighbours of one kind joined.
std::vector<AnswerPart> split(std::string_view text, size_t step, bool open) {
  ReasoningSplitter splitter(open);
  std::vector<AnswerPart> joined;
  const auto take = [&](const std::vector<AnswerPart>& parts) {
    for (const AnswerPart& p : parts) {
      if (!joined.empty() && joined.back().reasoning == p.reasoning) {
        joined.back().text += p.text;
      } else {
        joined.push_back(p);
      }
    }
  };
  for (size_t at = 0; at < text.size(); at += step) take(splitter.push(text.substr(at, step)));
  take(splitter.finish());
  return joined;
}

}  // namespace

TEST(Reasoning, IsSeparatedHoweverTheTextArrives) {
  struct Case {
    std::string_view text;
    bool open;
    std::vector<AnswerPart> parts;
  };
  const Case cases[] = {
      {"hello", false, {{"hello", false}}},
      {"<think>\nwhy not\n</think>\n\nyes", false, {{"why not", true}, {"yes", false}}},
      {"\n<think>a < b</think>c", false, {{"a < b", true}, {"c", false}}},
      {"because\n\nso</think>\n\nyes </think> no", true, {{"because\n\nso", true}, {"yes </think> no", false}}},
      {"</think>\n\nyes", true, {{"yes", false}}},
      {"cut off in thou", true, {{"cut off in thou", true}}},
      {"<thin ice", false, {{"<thin ice", false}}},
      {"answer <think>not", false, {{"answer <think>not", false}}},
      {"  two words", false, {{"  two words", false}}},
  };
  for (const Case& c : cases)
    for (const size_t step : {1, 2, 5, 100})
      EXPECT_EQ(split(c.text, step, c.open), c.parts) << c.text << " by " << step;
}

TEST(Reasoning, APromptMayEndInIt) {
  EXPECT_TRUE(ends_in_reasoning("<｜Assistant｜><think>\n"));
  EXPECT_FALSE(ends_in_reasoning("<｜Assistant｜><think></think>"));
  EXPECT_FALSE(ends_in_reasoning("hello"));
}

}  // namespace dure

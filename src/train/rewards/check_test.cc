#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "formats/temporary_folder.h"
#include "train/generate/generator.h"
#include "train/rewards/expression.h"
#include "train/rewards/final_answer.h"
#include "train/rewards/problem.h"

namespace dure {
namespace {

using testing::ElementsAre;

TEST(FinalAnswer, FollowsTheReasoning) {
  EXPECT_EQ(after_reasoning("<think>\n1+1=2\n</think>\n 2 \n"), "2");
  EXPECT_EQ(after_reasoning("1+1=2</think>2", true), "2");
  EXPECT_EQ(after_reasoning(" 2 "), "2");
  EXPECT_EQ(after_reasoning("<think> 2"), "");  // it thinks still
  EXPECT_EQ(after_reasoning("2", true), "");
  EXPECT_EQ(final_answer("so \\boxed{1} or \\boxed{\\frac{3}{4}}."), "\\frac{3}{4}");
  EXPECT_EQ(final_answer("5 and 6\n#### 11\n"), "11");
  EXPECT_EQ(final_answer(" 11 "), "11");
}

TEST(FinalAnswer, NumbersAreWrittenInOneWay) {
  EXPECT_THAT(numbers_in("1,234.50 dollars, 007"), ElementsAre("1234.5", "7"));
  EXPECT_THAT(numbers_in("3-5 = -2"), ElementsAre("3", "5", "-2"));
  EXPECT_THAT(numbers_in("\u22127 and -0.0"), ElementsAre("-7", "0"));
  EXPECT_THAT(numbers_in("1,2,3 or 12,34"), ElementsAre("1", "2", "3", "12", "34"));
  EXPECT_THAT(numbers_in("$18."), ElementsAre("18"));
  EXPECT_THAT(numbers_in("none"), ElementsAre());
}

TEST(Expression, IsExact) {
  const struct {
    const char* text;
    int64_t numerator, denominator;
  } good[] = {{"1+2*3", 7, 1},       {"(1+2)*3", 9, 1},
              {"8/(3-8/3)", 24, 1},  {"1/3+1/6", 1, 2},
              {"10-4-3", 3, 1},      {"12/4/3", 1, 1},
              {"3-5", -2, 1},        {"2/(3-5)", -1, 1},
              {"6 \u00d7 7", 42, 1}, {"84 \u00f7 2 \u2212 1", 41, 1},
              {"((((7))))", 7, 1},   {"6\\times 7", 42, 1}};
  for (const auto& c : good) {
    const auto value = evaluate_expression(c.text);
    ASSERT_TRUE(value) << c.text;
    EXPECT_EQ(value->numerator, c.numerator) << c.text;
    EXPECT_EQ(value->denominator, c.denominator) << c.text;
  }
  const std::string deep = std::string(40, '(') + "1" + std::string(40, ')');
  for (const char* bad : {"", "1+", "(1", "1)", "1 2", "-1", "1/0", "1/(2-2)", "9223372036854775807*2", "1+x",
                          "99999999999999999999", deep.c_str()})
    EXPECT_FALSE(evaluate_expression(bad)) << bad;
  EXPECT_TRUE(last_expression("Let me see: **(3 + 7) * 2** = 20.", 3)->is(20));
  EXPECT_FALSE(last_expression("1+2 = 3", 3));
}

TEST(Check, NumbersAtTheEnd) {
  const auto right = [](const char* expected, const char* answer) {
    return check({.messages = {}, .kind = "gsm8k", .language = "", .answer = expected, .numbers = {}, .target = {}},
                 answer);
  };
  EXPECT_TRUE(right("12", "12"));
  EXPECT_TRUE(right("12", "<think>\n7\n</think>\nIt is 12."));
  EXPECT_TRUE(right("She has 9 left.\n#### 1,200", "1200.00"));
  EXPECT_TRUE(right("5 remainder 3", "5 \ub098\uba38\uc9c0 3"));
  EXPECT_FALSE(right("5 remainder 3", "3"));
  EXPECT_FALSE(right("12", "-12"));
  EXPECT_FALSE(right("12", "12 or 13"));
  EXPECT_FALSE(right("12", "<think>12"));
  EXPECT_FALSE(right("12", ""));
}

TEST(Check, CountdownUsesEachNumberOnce) {
  const Problem p{
      .messages = {}, .kind = "countdown", .language = "", .answer = "", .numbers = {3, 7, 2, 2}, .target = 40};
  for (const char* right : {"(3+7)*2*2", "2 * ((7 + 3) * 2)", "The answer is (3+7)\u00d72\u00d72 = 40."})
    EXPECT_TRUE(check(p, right)) << right;
  for (const char* wrong : {"(3+7)*2", "(3+7)*4", "40", "3*7*2+2", "(3+7)*2*2*1", "<think>(3+7)*2*2", "37+2+2-1"})
    EXPECT_FALSE(check(p, wrong)) << wrong;
}

TEST(Check, GeneratedAnswersAreRightInEveryForm) {
  const TemporaryFolder folder;
  for (const char* kind : {"arithmetic", "countdown"}) {
    const Generator generator(mix_of(kind, "both", "problem"), Split::train, 7);
    std::string lines;
    for (uint64_t i = 0; i < 400; ++i) generator.append(i, lines);
    std::ofstream(folder.path() / "problems.jsonl") << lines;
    const std::vector<Problem> problems = read_problems(folder.path() / "problems.jsonl");
    ASSERT_EQ(problems.size(), 400u);
    for (const Problem& p : problems) {
      EXPECT_TRUE(check(p, "<think>\n1\n</think>\n" + p.answer)) << p.messages[0].content << ": " << p.answer;
      EXPECT_FALSE(check(p, p.answer + " + 70001"));
    }
  }
}

TEST(Problem, ReadsWhatPeopleWrite) {
  const TemporaryFolder folder;
  const auto read = [&](const char* lines) {
    std::ofstream(folder.path() / "p.jsonl") << lines;
    return read_problems(folder.path() / "p.jsonl", "gsm8k");
  };
  const auto asked = read(R"({"question": "2+2?", "answer": "2 and 2\n#### 4"})");
  EXPECT_EQ(asked[0].messages[0].content, "2+2?");
  EXPECT_TRUE(check(asked[0], "4"));
  const auto chat = read(R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "2+2?"}, )"
                         R"({"role": "assistant", "content": "4"}], "kind": "sum", "lang": "en"})"
                         "\n\n");
  EXPECT_EQ(chat[0].messages.size(), 2u);
  EXPECT_EQ(chat[0].answer + chat[0].kind + chat[0].language, "4sumen");
  for (const auto& [line, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "no problems"},
           {"{", "p.jsonl:1"},
           {R"({"prompt": "x", "answer": "y"})", "expected a number"},
           {R"({"prompt": "x", "answer": "1", "kind": "essay"})", "field 'kind'"},
           {R"({"prompt": "x", "answer": "1", "kind": "countdown", "numbers": [1]})", "a 'target'"},
           {R"({"prompt": "x", "kind": "countdown", "numbers": [1.5], "target": 3})", "whole numbers"},
           {R"({"messages": [{"role": "assistant", "content": "4"}]})", "nobody asks"},
           {R"({"answer": "1"})", "prompt"}}) {
    try {
      read(line);
      ADD_FAILURE() << line;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr(words)) << line;
    }
  }
}

}  // namespace
}  // namespace dure

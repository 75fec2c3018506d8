#include "train/generate/arithmetic.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "train/generate/countdown.h"

namespace dure {
namespace {

TEST(Scratchpad, DigitByDigit) {
  struct Case {
    int64_t a;
    char op;
    int64_t b;
    const char *steps, *result;
  };
  const Case cases[] = {
      {347, '+', 85, "7+5=12, write 2, carry 1\n4+8+1=13, write 3, carry 1\n3+0+1=4, write 4\n234 -> 432", "432"},
      {432, '-', 85, "2-5 borrow, 12-5=7, write 7\n3-1-8 borrow, 13-1-8=4, write 4\n4-1-0=3, write 3\n743 -> 347",
       "347"},
      {5, '-', 12, "5<12: -(12-5)\n2-5 borrow, 12-5=7, write 7\n1-1-0=0, write 0\n70 -> 07 = 7", "-7"},
      {47, '*', 6, "7*6=42, write 2, carry 4\n4*6+4=28, write 8, carry 2\n2, write 2\n282 -> 282", "282"},
      {85, '/', 3, "8/3=2, 2*3=6, 8-6=2\n25/3=8, 8*3=24, 25-24=1\n28 = 28", "28 remainder 1"},
  };
  for (const Case& c : cases) {
    const Scratchpad pad = calculate(c.a, c.op, c.b, Language::en);
    EXPECT_EQ(pad.steps, c.steps);
    EXPECT_EQ(pad.result, c.result);
  }
  EXPECT_EQ(calculate(12, '+', 9, Language::ko).steps, "2+9=11, 1 쓰기, 1 올림\n1+0+1=2, 2 쓰기\n12 -> 21");
  EXPECT_THROW(calculate(1, '/', 0, Language::en), Error);
  EXPECT_THROW(calculate(-1, '+', 0, Language::en), Error);
  EXPECT_THROW(calculate(1, '^', 2, Language::en), Error);
}

TEST(Scratchpad, EveryResultIsRight) {
  Choice choice(5, 0);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t a = choice.between(0, 9999), b = choice.between(0, i % 2 == 0 ? 99 : 9999);
    EXPECT_EQ(calculate(a, '+', b, Language::en).result, std::to_string(a + b));
    EXPECT_EQ(calculate(a, '-', b, Language::en).result, std::to_string(a - b));
    EXPECT_EQ(calculate(a, '*', b, Language::en).result, std::to_string(a * b));
    if (b == 0) continue;
    std::string quotient = std::to_string(a / b);
    if (a % b != 0) quotient.append(" remainder ").append(std::to_string(a % b));
    EXPECT_EQ(calculate(a, '/', b, Language::en).result, quotient);
  }
}

/// The value of a+b, (a*b)-c, ...; counts the numbers. The generator's own form: two operands and brackets.
class Evaluator {
 public:
  explicit Evaluator(std::string_view text) : text_(text) {}
  int64_t whole() {
    const int64_t value = expression();
    EXPECT_TRUE(text_.empty());
    return value;
  }
  std::vector<int64_t> numbers;

 private:
  int64_t operand() {
    if (text_[0] == '(') {
      text_.remove_prefix(1);
      const int64_t value = expression();
      EXPECT_EQ(text_[0], ')');
      text_.remove_prefix(1);
      return value;
    }
    int64_t n = 0;
    for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; text_.remove_prefix(1)) n = n * 10 + (text_[0] - '0');
    numbers.push_back(n);
    return n;
  }
  int64_t expression() {
    const int64_t x = operand();
    const char op = text_[0];
    text_.remove_prefix(1);
    const int64_t y = operand();
    EXPECT_TRUE(op != '/' || x % y == 0);
    return op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
  }
  std::string_view text_;
};

TEST(Countdown, EveryAnswerMakesTheTargetOfTheNumbers) {
  for (const int count : {3, 4})
    for (uint64_t i = 0; i < 2000; ++i) {
      Choice choice(9, i);
      const Item item = make_countdown(count, i % 2 == 0 ? Language::en : Language::ko, choice);
      Evaluator e(item.exchanges[0].answer);
      EXPECT_EQ(e.whole(), *item.target) << item.exchanges[0].answer;
      std::vector<int64_t> given = item.numbers;
      std::ranges::sort(given);
      std::ranges::sort(e.numbers);
      EXPECT_EQ(e.numbers, given) << item.exchanges[0].answer;
      EXPECT_GE(*item.target, 1);
      EXPECT_LE(*item.target, 100);
      EXPECT_TRUE(item.exchanges[0].reasoning.ends_with(" yes")) << item.exchanges[0].reasoning;
    }
}

TEST(Arithmetic, TargetsAreTheAnswers) {
  for (uint64_t i = 0; i < 5000; ++i) {
    Choice choice(2, i);
    const Item item = make_arithmetic(i % 2 == 0 ? Language::en : Language::ko, choice);
    EXPECT_EQ(item.exchanges[0].answer, item.target ? std::to_string(*item.target) : item.exchanges[0].answer);
    EXPECT_EQ(item.exchanges[0].prompt.find('{'), std::string::npos) << item.exchanges[0].prompt;
  }
}

}  // namespace
}  // namespace dure

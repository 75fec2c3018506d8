#include "train/generate/arithmetic.h"

#include <fmt/format.h>

#include "train/generate/korean.h"
#include "train/generate/words.h"

namespace dure {
namespace {

constexpr int64_t kPowers[] = {1, 10, 100, 1000, 10000};

/// A number of 1 to `digits` digits, each count equally likely.
int64_t draw(int digits, Choice& choice) {
  const int n = choice.between(1, digits);
  const int64_t low = n == 1 ? 0 : kPowers[n - 1];
  return low + static_cast<int64_t>(choice.below(static_cast<size_t>(kPowers[n] - low)));
}

/// "{a}" and "{b}" are the numbers, "{op}" the sign as one of the ways to write it.
std::string_view question(Language language, Choice& choice) {
  constexpr std::string_view kEnglish[] = {"{a} {op} {b} = ?", "What is {a} {op} {b}?", "Calculate {a} {op} {b}.",
                                           "{a}{op}{b}"};
  constexpr std::string_view kKorean[] = {"{a} {op} {b|은} 얼마예요?", "{a} {op} {b|을} 계산해 주세요.",
                                          "{a} {op} {b}의 답을 알려 주세요."};
  return language == Language::en ? choice.of(kEnglish) : choice.of(kKorean);
}

std::string_view sign(char op, Choice& choice) {
  if (op == '*') return choice.coin() ? "×" : "*";
  if (op == '/') return choice.coin() ? "÷" : "/";
  return op == '+' ? "+" : "-";
}

Item begin(Language language, std::vector<int64_t> numbers) {
  Item item{.kind = "arithmetic", .language = language, .numbers = std::move(numbers)};
  item.exchanges.emplace_back();
  return item;
}

Item calculation(char op, Language language, Choice& choice) {
  int64_t a = draw(4, choice), b = 0;
  if (op == '*') {
    b = draw(a < kPowers[3] ? 2 : 1, choice);
  } else if (op == '/') {
    b = choice.between(2, 25);
  } else {
    b = draw(4, choice);
  }
  Item item = begin(language, {a, b});
  Slots slots;
  slots.set("a", std::to_string(a));
  slots.set("b", std::to_string(b));
  slots.set("op", std::string(sign(op, choice)));
  QuestionAndAnswer& e = item.exchanges[0];
  slots.fill(question(language, choice), e.prompt);
  Scratchpad pad = calculate(a, op, b, language);
  e.reasoning = std::move(pad.steps);
  e.answer = std::move(pad.result);
  if (op != '/' || a % b == 0) item.target = std::stoll(e.answer);
  return item;
}

Item comparison(Language language, Choice& choice) {
  const int digits = choice.between(1, 4);
  const bool same_length = choice.coin();
  const int64_t low = digits == 1 ? 0 : kPowers[digits - 1];
  const auto span = static_cast<size_t>(kPowers[digits] - low);
  const int64_t a = low + static_cast<int64_t>(choice.below(span));
  int64_t b = 0;
  if (same_length) {
    b = low + static_cast<int64_t>(choice.below(span - 1));
    if (b >= a) ++b;
  } else {  // one digit more
    b = kPowers[digits] + static_cast<int64_t>(choice.below(static_cast<size_t>(9 * kPowers[digits])));
  }
  const bool larger = choice.coin();
  Item item = begin(language, {a, b});
  QuestionAndAnswer& e = item.exchanges[0];
  if (language == Language::en)
    e.prompt = fmt::format("Which is {}, {} or {}?", larger ? "larger" : "smaller", a, b);
  else
    e.prompt = fmt::format("{}{} {} 중에서 어느 것이 더 {}?", a, korean_particle(std::to_string(a), "과"), b,
                           larger ? "커요" : "작아요");
  const std::string left = std::to_string(a), right = std::to_string(b);
  if (left.size() != right.size()) {
    e.reasoning = language == Language::en
                      ? fmt::format("{}: {} digits, {}: {} digits", a, left.size(), b, right.size())
                      : fmt::format("{}: {}자리, {}: {}자리", a, left.size(), b, right.size());
  } else {
    size_t at = 0;
    for (; left[at] == right[at]; ++at) e.reasoning += fmt::format("{}={}, ", left[at], right[at]);
    e.reasoning += fmt::format("{}{}{}", left[at], left[at] < right[at] ? '<' : '>', right[at]);
  }
  e.reasoning += fmt::format("\n{}{}{}", a, a < b ? '<' : '>', b);
  item.target = (a < b) == larger ? b : a;
  e.answer = std::to_string(*item.target);
  return item;
}

Item sequence(Language language, Choice& choice) {
  constexpr uint32_t kWeights[] = {3, 1};
  const bool geometric = choice.weighted(kWeights) == 1;
  int64_t terms[5];
  terms[0] = geometric ? choice.between(1, 9) : choice.between(40, 99);
  int64_t step = 0;
  if (geometric) {
    step = choice.between(2, 4);
  } else {
    step = choice.between(-9, 11);
    if (step >= 0) ++step;
  }
  for (int i = 1; i < 5; ++i) terms[i] = geometric ? terms[i - 1] * step : terms[i - 1] + step;
  Item item = begin(language, {terms[0], terms[1], terms[2], terms[3]});
  QuestionAndAnswer& e = item.exchanges[0];
  e.prompt = fmt::format(fmt::runtime(language == Language::en ? "What comes next: {}, {}, {}, {}?"
                                                               : "{}, {}, {}, {} 다음에 올 수는 무엇이에요?"),
                         terms[0], terms[1], terms[2], terms[3]);
  for (int i = 1; i < 4; ++i) {
    if (geometric)
      e.reasoning += fmt::format("{}/{}={}\n", terms[i], terms[i - 1], step);
    else
      e.reasoning += fmt::format("{}-{}={}\n", terms[i], terms[i - 1], step);
  }
  if (geometric)
    e.reasoning += fmt::format("{}*{}={}", terms[3], step, terms[4]);
  else
    e.reasoning += fmt::format("{}{}{}={}", terms[3], step < 0 ? "-" : "+", step < 0 ? -step : step, terms[4]);
  item.target = terms[4];
  e.answer = std::to_string(terms[4]);
  return item;
}

/// {a} and {b} are numbers, {who} and {other} names, {what} things that one can count.
struct WordProblem {
  char op;
  std::string_view en, ko;
};
constexpr WordProblem kProblems[] = {
    {'+', "{who} has {a} {what}. {other} gives {who} {b} more. How many {what} does {who} have now?",
     "{who|은} {what} {a}개를 가지고 있어요. {other|이} {b}개를 더 주었어요. {who|은} 이제 {what|을} 몇 개 가지고 "
     "있나요?"},
    {'+', "There are {a} {what} in one box and {b} in another. How many {what} are there in all?",
     "한 상자에 {what|이} {a}개, 다른 상자에 {b}개 있어요. {what|은} 모두 몇 개인가요?"},
    {'-', "{who} had {a} {what} and gave {b} of them to {other}. How many {what} does {who} have left?",
     "{who|은} {what} {a}개 중에서 {b}개를 {other}에게 주었어요. 남은 {what|은} 몇 개인가요?"},
    {'-', "{who} has {a} {what} and {other} has {b}. How many more {what} does {who} have?",
     "{who|은} {what|을} {a}개, {other|은} {b}개 가지고 있어요. {who|은} {other}보다 몇 개 더 가지고 있나요?"},
    {'*', "There are {b} bags with {a} {what} in each. How many {what} are there in all?",
     "봉지가 {b}개 있고 봉지마다 {what|이} {a}개씩 들어 있어요. {what|은} 모두 몇 개인가요?"},
    {'/', "{who} shares {a} {what} equally among {b} friends. How many {what} does each friend get?",
     "{who|은} {what} {a}개를 친구 {b}명에게 똑같이 나누어 주어요. 한 명이 몇 개를 받나요?"},
};
constexpr Word kCountable[] = {{"apples", "사과"},   {"marbles", "구슬"},    {"cookies", "쿠키"},
                               {"pencils", "연필"},  {"stickers", "스티커"}, {"shells", "조개껍데기"},
                               {"candies", "사탕"},  {"buttons", "단추"},    {"stamps", "우표"},
                               {"balloons", "풍선"}, {"acorns", "도토리"},   {"walnuts", "호두"}};

Item word_problem(Language language, Choice& choice) {
  const WordProblem& problem = choice.of(kProblems);
  int64_t a = 0, b = 0;
  switch (problem.op) {
    case '+': a = choice.between(2, 99), b = choice.between(2, 99); break;
    case '-': a = choice.between(3, 99), b = choice.between(2, static_cast<int>(a) - 1); break;
    case '*': a = choice.between(2, 30), b = choice.between(2, 9); break;
    default: b = choice.between(2, 9), a = b * choice.between(2, 15);
  }
  Slots slots;
  const size_t names = child_names().size();
  size_t who = names;
  if (problem.en.find("{who}") != problem.en.npos) {  // a choice that the text does not tell would not be its entropy
    who = choice.below(names);
    slots.set("who", name_in_story(child_names()[who], language));
  }
  if (problem.en.find("{other}") != problem.en.npos) {
    const size_t other = choice.below(names - 1);
    slots.set("other", name_in_story(child_names()[other < who ? other : other + 1], language));
  }
  slots.set("what", std::string(choice.of(kCountable).in(language)));
  slots.set("a", std::to_string(a));
  slots.set("b", std::to_string(b));
  Item item = begin(language, {a, b});
  QuestionAndAnswer& e = item.exchanges[0];
  slots.fill(language == Language::en ? problem.en : problem.ko, e.prompt);
  Scratchpad pad = calculate(a, problem.op, b, language);
  e.reasoning = fmt::format("{}{}{}\n{}", a, problem.op, b, pad.steps);
  e.answer = std::move(pad.result);
  item.target = std::stoll(e.answer);
  return item;
}

}  // namespace

Item make_arithmetic(Language language, Choice& choice) {
  constexpr uint32_t kWeights[] = {4, 4, 3, 3, 1, 1, 3};
  const double before = choice.nats();
  Item item = [&] {
    switch (choice.weighted(kWeights)) {
      case 0: return calculation('+', language, choice);
      case 1: return calculation('-', language, choice);
      case 2: return calculation('*', language, choice);
      case 3: return calculation('/', language, choice);
      case 4: return comparison(language, choice);
      case 5: return sequence(language, choice);
      default: return word_problem(language, choice);
    }
  }();
  item.nats = choice.nats() - before;
  return item;
}

}  // namespace dure

#include <algorithm>

#include "base/error.h"
#include "train/rewards/expression.h"
#include "train/rewards/final_answer.h"
#include "train/rewards/problem.h"

namespace dure {
namespace {

bool check_numbers(const Problem& problem, std::string_view answer) {
  const std::vector<std::string> expected = numbers_in(final_answer(problem.answer));
  const std::vector<std::string> found = numbers_in(final_answer(answer));
  return !expected.empty() && found.size() >= expected.size() &&
         std::equal(expected.rbegin(), expected.rend(), found.rbegin());
}

bool check_countdown(const Problem& problem, std::string_view answer) {
  const auto value = last_expression(final_answer(answer), problem.numbers.size());
  return value && problem.target && value->is(*problem.target) &&
         std::ranges::is_permutation(value->numbers, problem.numbers);
}

struct Kind {
  std::string_view name;
  bool (*check)(const Problem&, std::string_view);
};
constexpr Kind kKinds[] = {
    {"arithmetic", check_numbers}, {"sum", check_numbers}, {"gsm8k", check_numbers}, {"countdown", check_countdown}};

const Kind* find_kind(std::string_view name) {
  const Kind* found = std::ranges::find(kKinds, name, &Kind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

}  // namespace

bool is_checkable(std::string_view kind) { return find_kind(kind) != nullptr; }

bool check(const Problem& problem, std::string_view answer) {
  const Kind* kind = find_kind(problem.kind);
  DURE_ASSERT(kind != nullptr);
  return kind->check(problem, after_reasoning(answer));
}

}  // namespace dure

#include "train/generate/countdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <iterator>

#include "train/generate/korean.h"

namespace dure {
namespace {

constexpr int kLargestNumber = 20, kLargestTarget = 100;
constexpr int64_t kLargestOnTheWay = 10'000;

/// Up to four numbers that are still to be used.
struct State {
  std::array<int64_t, 4> numbers{};
  int count = 0;
};

struct Move {
  int64_t x, y, result;
  char op;
  int i, j;  // places of both numbers, i < j
};

/// All moves that give a positive whole number, in a fixed order; of those that are written alike the first.
template <class Use>
void for_each_move(const State& s, const Use& use) {
  for (int i = 0; i < s.count; ++i)
    for (int j = i + 1; j < s.count; ++j) {
      const int64_t x = std::max(s.numbers[i], s.numbers[j]), y = std::min(s.numbers[i], s.numbers[j]);
      use(Move{x, y, x + y, '+', i, j});
      if (x > y) use(Move{x, y, x - y, '-', i, j});
      if (y > 1 && x * y <= kLargestOnTheWay) use(Move{x, y, x * y, '*', i, j});
      if (y > 1 && x % y == 0) use(Move{x, y, x / y, '/', i, j});
    }
}

State after(const State& s, const Move& m) {
  State next;
  for (int k = 0; k < s.count; ++k)
    if (k != m.i && k != m.j) next.numbers[next.count++] = s.numbers[k];
  next.numbers[next.count++] = m.result;
  return next;
}

using Targets = std::bitset<kLargestTarget + 1>;

/// What can be made of the numbers, each used once.
void reach(const State& s, Targets& targets) {
  if (s.count == 1) {
    if (s.numbers[0] <= kLargestTarget) targets.set(static_cast<size_t>(s.numbers[0]));
    return;
  }
  for_each_move(s, [&](const Move& m) { reach(after(s, m), targets); });
}

bool can_make(const State& s, int64_t target) {
  if (s.count == 1) return s.numbers[0] == target;
  bool found = false;
  for_each_move(s, [&](const Move& m) { found = found || can_make(after(s, m), target); });
  return found;
}

/// The moves that lead to the target, and those that do not.
struct Moves {
  std::vector<Move> right, wrong;
};
Moves sort_moves(const State& s, int64_t target) {
  Moves moves;
  const auto alike = [](const Move& m) {
    return [&m](const Move& o) { return o.x == m.x && o.y == m.y && o.op == m.op; };
  };
  for_each_move(s, [&](const Move& m) {
    if (std::ranges::any_of(moves.right, alike(m)) || std::ranges::any_of(moves.wrong, alike(m))) return;
    (can_make(after(s, m), target) ? moves.right : moves.wrong).push_back(m);
  });
  return moves;
}

/// Searches, writing down what it tries, and keeps the expression of each number.
class Search {
 public:
  Search(int64_t target, Choice& choice) : target_(target), choice_(choice) {}

  /// REQUIRES: the target can be made of `s`.
  std::string solve(State s, std::vector<std::string> expressions, int indent = 0);
  std::string take_trace() { return std::move(trace_); }

 private:
  Move take_one(std::vector<Move>& moves) {
    const size_t at = choice_.below(moves.size());
    const Move move = moves[at];
    moves.erase(moves.begin() + static_cast<std::ptrdiff_t>(at));
    return move;
  }
  void begin_line(int indent, const Move& m, const State& next);
  bool try_two(const State& s, Move* hit);
  void fail_at(const State& s, const Move& m, int indent);

  int64_t target_;
  Choice& choice_;
  std::string trace_;
};

/// "3+7=10: 12 10"
void Search::begin_line(int indent, const Move& m, const State& next) {
  if (!trace_.empty()) trace_ += '\n';
  trace_.append(static_cast<size_t>(indent), ' ');
  fmt::format_to(std::back_inserter(trace_), "{}{}{}={}:", m.x, m.op, m.y, m.result);
  for (int k = 0; k < next.count; ++k) fmt::format_to(std::back_inserter(trace_), " {}", next.numbers[k]);
}

/// Writes what two numbers give until the target is among it.
bool Search::try_two(const State& s, Move* hit) {
  bool found = false;
  trace_ += " |";
  for_each_move(s, [&](const Move& m) {
    if (found) return;
    fmt::format_to(std::back_inserter(trace_), " {}{}{}={}", m.x, m.op, m.y, m.result);
    found = m.result == target_;
    if (found) *hit = m;
  });
  trace_ += found ? " yes" : " no";
  return found;
}

/// A move that leads nowhere: with two numbers left all is tried, with three one more move is.
void Search::fail_at(const State& s, const Move& m, int indent) {
  const State next = after(s, m);
  begin_line(indent, m, next);
  Move hit{};
  if (next.count == 2) {
    try_two(next, &hit);
    return;
  }
  Moves moves = sort_moves(next, target_);
  fail_at(next, take_one(moves.wrong), indent + 1);
  trace_ += '\n';
  trace_.append(static_cast<size_t>(indent), ' ');
  trace_ += "back";
}

std::string Search::solve(State s, std::vector<std::string> expressions, int indent) {
  const auto combine = [&](const Move& m) {
    const bool first_is_larger = s.numbers[m.i] >= s.numbers[m.j];
    const std::string& x = expressions[static_cast<size_t>(first_is_larger ? m.i : m.j)];
    const std::string& y = expressions[static_cast<size_t>(first_is_larger ? m.j : m.i)];
    return fmt::format("({}{}{})", x, m.op, y);
  };
  Moves moves = sort_moves(s, target_);
  const size_t most = std::min<size_t>(s.count == 4 ? 1 : 2, moves.wrong.size());
  const size_t failures = choice_.below(most + 1);
  for (size_t k = 0; k < failures; ++k) fail_at(s, take_one(moves.wrong), indent);
  const Move move = take_one(moves.right);
  const State next = after(s, move);
  std::vector<std::string> left;
  for (int k = 0; k < s.count; ++k)
    if (k != move.i && k != move.j) left.push_back(expressions[static_cast<size_t>(k)]);
  left.push_back(combine(move));
  begin_line(indent, move, next);
  if (next.count > 2) return solve(next, std::move(left), indent + 1);

  Move last{};
  try_two(next, &last);
  s = next;
  expressions = std::move(left);
  const std::string whole = combine(last);
  return whole.substr(1, whole.size() - 2);
}

}  // namespace

Item make_countdown(int count, Language language, Choice& choice) {
  const double before = choice.nats();
  Item item{.kind = "countdown", .language = language};
  State state;
  std::vector<std::string> expressions;
  for (int i = 0; i < count; ++i) {
    const int n = choice.between(1, kLargestNumber);
    state.numbers[static_cast<size_t>(state.count++)] = n;
    item.numbers.push_back(n);
    expressions.push_back(std::to_string(n));
  }
  Targets targets;
  reach(state, targets);
  size_t which = choice.below(targets.count());
  int64_t target = 0;
  while (!targets[static_cast<size_t>(target)] || which-- > 0) ++target;
  item.target = target;

  QuestionAndAnswer& e = item.exchanges.emplace_back();
  const std::string all = fmt::format("{}", fmt::join(item.numbers, ", "));
  const std::string last = std::to_string(item.numbers.back()), goal = std::to_string(target);
  if (language == Language::en)
    e.prompt = fmt::format("Use {} once each with + - * / to make {}.", all, target);
  else
    e.prompt = fmt::format("{}{} 한 번씩 쓰고 + - * / 계산으로 {}{} 만들어 보세요.", all, korean_particle(last, "을"),
                           target, korean_particle(goal, "을"));
  Search search(target, choice);
  e.answer = search.solve(state, std::move(expressions));
  e.reasoning = search.take_trace();
  item.nats = choice.nats() - before;
  return item;
}

}  // namespace dure

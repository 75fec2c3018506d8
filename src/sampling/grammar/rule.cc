#include "sampling/grammar/rule.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

RulePtr literal(std::string bytes) { return make_rule(Literal{std::move(bytes)}); }

RulePtr token(int id) {
  require(id >= 0, "grammar: {} is no token", id);
  return make_rule(ControlToken{id});
}

RulePtr sequence(std::vector<RulePtr> parts) { return make_rule(Concatenation{std::move(parts)}); }

RulePtr choice(std::vector<RulePtr> ways) {
  require(!ways.empty(), "grammar: a choice needs at least one way");
  return make_rule(Alternatives{std::move(ways)});
}

RulePtr repeat(RulePtr rule, int min, int max) {
  require(min >= 0 && min <= max, "grammar: cannot repeat between {} and {} times", min, max);
  return make_rule(Repetition{std::move(rule), min, max, nullptr});
}

RulePtr optional(RulePtr rule) { return repeat(std::move(rule), 0, 1); }

RulePtr text_until(std::string end) {
  require(!end.empty() && is_utf8(end), "grammar: text cannot be delimited by {}", quote(end));
  std::u32string mark;
  for (size_t at = 0; at < end.size();) mark += next_utf8(end, at);
  const int n = int(mark.size());

  // Knuth, Morris and Pratt: state k has read the first k characters of the mark, and no more of it.
  std::vector<int> border(size_t(n) + 1, 0);
  for (int i = 1, k = 0; i < n; ++i) {
    while (k > 0 && mark[size_t(i)] != mark[size_t(k)]) k = border[size_t(k)];
    if (mark[size_t(i)] == mark[size_t(k)]) ++k;
    border[size_t(i) + 1] = k;
  }
  Text text;
  text.language.states.resize(size_t(n) + 1);
  text.language.states[size_t(n)].accepting = true;
  for (int state = 0; state < n; ++state) {
    std::vector<std::pair<char32_t, int>> steps;
    for (const char32_t c : mark) {
      int k = state;
      while (k > 0 && mark[size_t(k)] != c) k = border[size_t(k)];
      if (mark[size_t(k)] == c) steps.emplace_back(c, k + 1);
    }
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    CharSet others;
    for (const auto& [c, target] : steps) others.add(c, c);
    auto& edges = text.language.states[size_t(state)].edges;
    for (const auto& [c, target] : steps) edges.push_back({c, c, target});
    for (const auto& r : others.complement().ranges()) edges.push_back({r.first, r.last, 0});
    std::sort(edges.begin(), edges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  return make_rule(std::move(text));
}

}  // namespace dure::grammar

#include "sampling/grammar/char_dfa.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "base/utf8.h"
#include "sampling/grammar/rule.h"

namespace dure::grammar {
namespace {

constexpr int kFar = std::numeric_limits<int>::max();

/// Numbers pairs of states in the order in which they are met.
class Pairs {
 public:
  int index(int a, int b) {
    const auto [at, added] = index_.emplace(int64_t{a} << 32 | uint32_t(b), int(pairs.size()));
    if (added) {
      require(pairs.size() < kMaxDfaStates, "a pattern needs an automaton of more than {} states", kMaxDfaStates);
      pairs.emplace_back(a, b);
    }
    return at->second;
  }
  std::vector<std::pair<int, int>> pairs;

 private:
  std::unordered_map<int64_t, int> index_;
};

void append(std::vector<CharDfa::Edge>& edges, CharDfa::Edge e) {
  if (!edges.empty() && edges.back().target == e.target && edges.back().last + 1 == e.first) {
    edges.back().last = e.last;
  } else {
    edges.push_back(e);
  }
}

/// Without the states from which nothing can be finished or that cannot be reached.
CharDfa trim(const CharDfa& a) {
  const std::vector<int> far = a.distances();
  std::vector<int> number(a.states.size(), -1), order{0};
  number[0] = 0;
  CharDfa out;
  for (size_t i = 0; i < order.size(); ++i) {
    CharDfa::State state{{}, a.states[order[i]].accepting};
    for (CharDfa::Edge e : a.states[order[i]].edges) {
      if (far[e.target] == kFar) continue;
      if (number[e.target] < 0) {
        number[e.target] = int(order.size());
        order.push_back(e.target);
      }
      e.target = number[e.target];
      append(state.edges, e);
    }
    if (i > 0) out.states.emplace_back();
    out.states[i] = std::move(state);
  }
  return out;
}

/// What was accepted is not, and what was not is.
void invert(CharDfa& a) {
  const int rest = int(a.states.size());  // where the characters go that led nowhere
  a.states.emplace_back();
  for (CharDfa::State& state : a.states) {
    CharSet used;
    for (const CharDfa::Edge& e : state.edges) used.add(e.first, e.last);
    for (const auto& r : used.complement().ranges()) state.edges.push_back({r.first, r.last, rest});
    std::sort(state.edges.begin(), state.edges.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
    state.accepting = !state.accepting;
  }
}

}  // namespace

int CharDfa::next(int state, char32_t c) const {
  const auto& edges = states[state].edges;
  const auto at = std::lower_bound(edges.begin(), edges.end(), c, [](const Edge& e, char32_t v) { return e.last < v; });
  return at != edges.end() && at->first <= c ? at->target : -1;
}

bool CharDfa::accepts(std::string_view utf8) const {
  int state = 0;
  for (size_t at = 0; at < utf8.size() && state >= 0;) state = next(state, next_utf8(utf8, at));
  return state >= 0 && states[state].accepting;
}

std::vector<int> CharDfa::distances() const {
  std::vector<std::vector<int>> sources(states.size());
  std::vector<int> far(states.size(), kFar), queue;
  for (size_t i = 0; i < states.size(); ++i) {
    for (const Edge& e : states[i].edges) sources[e.target].push_back(int(i));
    if (!states[i].accepting) continue;
    far[i] = 0;
    queue.push_back(int(i));
  }
  for (size_t i = 0; i < queue.size(); ++i)
    for (const int source : sources[queue[i]])
      if (far[source] == kFar) {
        far[source] = far[queue[i]] + 1;
        queue.push_back(source);
      }
  return far;
}

CharDfa any_text() {
  CharDfa a;
  a.states[0].accepting = true;
  for (const auto& r : CharSet::all().ranges()) a.states[0].edges.push_back({r.first, r.last, 0});
  return a;
}

CharDfa one_of(const CharSet& chars) {
  CharDfa a;
  if (chars.empty()) return a;
  for (const auto& r : chars.ranges()) a.states[0].edges.push_back({r.first, r.last, 1});
  a.states.push_back({{}, true});
  return a;
}

CharDfa words(std::span<const std::string> texts) {
  std::vector<std::map<char32_t, int>> trie(1);
  std::vector<bool> ends(1);
  for (const std::string& text : texts) {
    int state = 0;
    for (size_t at = 0; at < text.size();) {
      const auto [edge, added] = trie[state].emplace(next_utf8(text, at), int(trie.size()));
      state = edge->second;
      if (added) trie.emplace_back(), ends.push_back(false);
    }
    ends[state] = true;
  }
  CharDfa a;
  a.states.resize(trie.size());
  for (size_t i = 0; i < trie.size(); ++i) {
    a.states[i].accepting = ends[i];
    for (const auto& [c, target] : trie[i]) a.states[i].edges.push_back({c, c, target});
  }
  return a;
}

CharDfa intersect(const CharDfa& a, const CharDfa& b) {
  Pairs pairs;
  pairs.index(0, 0);
  CharDfa out;
  out.states.clear();
  for (size_t i = 0; i < pairs.pairs.size(); ++i) {
    const auto [p, q] = pairs.pairs[i];
    CharDfa::State state{{}, a.states[p].accepting && b.states[q].accepting};
    const auto &left = a.states[p].edges, &right = b.states[q].edges;
    for (auto x = left.begin(), y = right.begin(); x != left.end() && y != right.end();) {
      const char32_t first = std::max(x->first, y->first), last = std::min(x->last, y->last);
      if (first <= last) append(state.edges, {first, last, pairs.index(x->target, y->target)});
      ++(x->last < y->last ? x : y);
    }
    out.states.push_back(std::move(state));
  }
  return minimize(out);
}

CharDfa unite(const CharDfa& a, const CharDfa& b) { return complement(intersect(complement(a), complement(b))); }

CharDfa complement(const CharDfa& a) {
  CharDfa out = a;
  invert(out);
  return minimize(out);
}

CharDfa all_but(std::span<const std::string> texts) {
  CharDfa out = words(texts);
  invert(out);
  return out;
}

CharDfa with_length(const CharDfa& a, int min, int max) {
  Pairs pairs;  // of a state and the characters so far; without a maximum, all counts from min on are one
  pairs.index(0, 0);
  CharDfa out;
  out.states.clear();
  for (size_t i = 0; i < pairs.pairs.size(); ++i) {
    const auto [p, count] = pairs.pairs[i];
    CharDfa::State state{{}, a.states[p].accepting && count >= min && count <= max};
    const int more = max == kUnbounded ? std::min(count + 1, min) : count + 1;
    if (count < max)
      for (const CharDfa::Edge& e : a.states[p].edges)
        append(state.edges, {e.first, e.last, pairs.index(e.target, more)});
    out.states.push_back(std::move(state));
  }
  return minimize(out);
}

CharDfa minimize(const CharDfa& untrimmed) {
  const CharDfa a = trim(untrimmed);
  const size_t n = a.states.size();
  // Moore: states are alike until an edge tells them apart.
  std::vector<int> group(n);
  for (size_t i = 0; i < n; ++i) group[i] = a.states[i].accepting;
  size_t groups = 0;
  constexpr size_t kRounds = 256;  // a bound on the work; too many states are merely too many
  for (size_t round = 0; round < kRounds; ++round) {
    std::map<std::pair<int, std::vector<std::tuple<char32_t, char32_t, int>>>, int> seen;
    std::vector<int> finer(n);
    for (size_t i = 0; i < n; ++i) {
      std::vector<CharDfa::Edge> edges;
      for (const CharDfa::Edge& e : a.states[i].edges) append(edges, {e.first, e.last, group[e.target]});
      std::vector<std::tuple<char32_t, char32_t, int>> key;
      key.reserve(edges.size());
      for (const CharDfa::Edge& e : edges) key.emplace_back(e.first, e.last, e.target);
      finer[i] = seen.emplace(std::pair(group[i], std::move(key)), int(seen.size())).first->second;
    }
    group = std::move(finer);
    if (seen.size() == groups) break;
    groups = seen.size();
    if (round + 1 == kRounds) return a;
  }
  // State 0 is met first and is group 0.
  CharDfa out;
  out.states.resize(groups);
  for (size_t i = n; i-- > 0;) {
    CharDfa::State& state = out.states[group[i]];
    state = {{}, a.states[i].accepting};
    for (const CharDfa::Edge& e : a.states[i].edges) append(state.edges, {e.first, e.last, group[e.target]});
  }
  return out;
}

}  // namespace dure::grammar

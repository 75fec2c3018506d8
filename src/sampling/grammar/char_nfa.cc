#include "sampling/grammar/char_nfa.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace dure::grammar {
namespace {

constexpr size_t kMaxNfaStates = 100'000;
constexpr size_t kMaxWork = 20'000'000;  // states in all subsets together

}  // namespace

int CharNfa::add_state() {
  require(states_.size() < kMaxNfaStates, "a pattern needs an automaton of more than {} states", kMaxNfaStates);
  states_.emplace_back();
  return int(states_.size()) - 1;
}

void CharNfa::add_edge(int from, const CharSet& chars, int to) { states_[size_t(from)].edges.push_back({chars, to}); }

void CharNfa::add_move(int from, int to, When when) { states_[size_t(from)].moves.push_back({to, when}); }

std::vector<int> CharNfa::closure(std::vector<int> from, bool at_begin, bool at_end) const {
  std::vector<bool> seen(states_.size());
  for (const int s : from) seen[size_t(s)] = true;
  for (size_t i = 0; i < from.size(); ++i)
    for (const Move& move : states_[size_t(from[i])].moves) {
      if ((move.when == When::at_begin && !at_begin) || (move.when == When::at_end && !at_end)) continue;
      if (seen[size_t(move.target)]) continue;
      seen[size_t(move.target)] = true;
      from.push_back(move.target);
    }
  std::sort(from.begin(), from.end());
  return from;
}

CharDfa CharNfa::determinize(int start, int end) const {
  // The first subset is the only one at the beginning of the text: it is not the same as an equal one later on.
  std::map<std::pair<bool, std::vector<int>>, int> index;
  std::vector<const std::pair<bool, std::vector<int>>*> subsets;
  size_t work = 0;
  const auto number = [&](bool at_begin, std::vector<int> subset) {
    const auto [at, added] = index.emplace(std::pair(at_begin, std::move(subset)), int(subsets.size()));
    if (added) {
      work += states_.size() / 64 + at->first.second.size();
      require(subsets.size() < kMaxDfaStates && work < kMaxWork, "a pattern needs an automaton of more than {} states",
              kMaxDfaStates);
      subsets.push_back(&at->first);
    }
    return at->second;
  };

  number(true, closure({start}, true, false));
  CharDfa out;
  out.states.clear();
  for (size_t i = 0; i < subsets.size(); ++i) {
    const auto& [at_begin, subset] = *subsets[i];
    CharDfa::State state;
    const std::vector<int> at_end = closure(subset, at_begin, true);
    state.accepting = std::binary_search(at_end.begin(), at_end.end(), end);

    // Between two neighbouring borders of ranges, all characters lead to the same states.
    struct Piece {
      char32_t first, last;
      int target;
    };
    std::vector<Piece> pieces;
    std::vector<char32_t> borders;
    for (const int s : subset)
      for (const Edge& edge : states_[size_t(s)].edges)
        for (const auto& r : edge.chars.ranges()) {
          pieces.push_back({r.first, r.last, edge.target});
          borders.push_back(r.first);
          borders.push_back(r.last + 1);
        }
    work += pieces.size();
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.first < b.first; });
    std::vector<Piece> open;  // those that hold the current stretch
    size_t next = 0;
    for (size_t b = 0; b + 1 < borders.size(); ++b) {
      for (; next < pieces.size() && pieces[next].first <= borders[b]; ++next) open.push_back(pieces[next]);
      std::erase_if(open, [&](const Piece& p) { return p.last < borders[b]; });
      if (open.empty()) continue;
      std::vector<int> targets;
      for (const Piece& p : open) targets.push_back(p.target);
      std::sort(targets.begin(), targets.end());
      targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
      work += targets.size();
      state.edges.push_back({borders[b], borders[b + 1] - 1, number(false, closure(std::move(targets), false, false))});
    }
    out.states.push_back(std::move(state));
  }
  return minimize(out);
}

}  // namespace dure::grammar

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/grammar/char_set.h"

namespace dure::grammar {

/// A regular language of Unicode strings as a deterministic automaton over code points. State 0 is the start; from
/// every other state, and from the start unless the language is empty, a string can be finished.
struct CharDfa {
  struct Edge {
    char32_t first, last;
    int target;
    bool operator==(const Edge&) const = default;
  };
  struct State {
    std::vector<Edge> edges;  ///< ascending and disjoint; any other character leads nowhere
    bool accepting = false;
  };
  std::vector<State> states{State{}};

  int next(int state, char32_t c) const;  ///< -1: nowhere
  bool accepts(std::string_view utf8) const;
  bool empty() const { return states[0].edges.empty() && !states[0].accepting; }
  /// Characters of the shortest string that leads from each state to acceptance.
  std::vector<int> distances() const;
};

/// The product of two or more automata may not become larger.
constexpr size_t kMaxDfaStates = 20'000;

CharDfa any_text();
CharDfa one_of(const CharSet& chars);  ///< the strings of one character
CharDfa words(std::span<const std::string> texts);
CharDfa all_but(std::span<const std::string> texts);

/// These throw Error if the result would have more than kMaxDfaStates states.
CharDfa intersect(const CharDfa& a, const CharDfa& b);
CharDfa unite(const CharDfa& a, const CharDfa& b);
CharDfa complement(const CharDfa& a);  ///< within any_text()
/// The strings of a whose number of characters is min ... max, counted out by states.
CharDfa with_length(const CharDfa& a, int min, int max);

/// Without states that lead nowhere or are alike.
CharDfa minimize(const CharDfa& a);

}  // namespace dure::grammar

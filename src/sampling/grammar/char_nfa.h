#pragma once

#include <vector>

#include "sampling/grammar/char_dfa.h"

namespace dure::grammar {

/// A nondeterministic automaton over code points with one start and one end (Thompson, "Regular expression search
/// algorithm", 1968), whose empty moves may be bound to the beginning or the end of the text.
class CharNfa {
 public:
  enum class When : uint8_t { always, at_begin, at_end };

  int add_state();
  void add_edge(int from, const CharSet& chars, int to);
  void add_move(int from, int to, When when = When::always);

  /// By the subset construction. Throws Error if there would be too many states.
  CharDfa determinize(int start, int end) const;

 private:
  struct Edge {
    CharSet chars;
    int target;
  };
  struct Move {
    int target;
    When when;
  };
  struct State {
    std::vector<Edge> edges;
    std::vector<Move> moves;
  };
  /// The states that moves lead to; ascending.
  std::vector<int> closure(std::vector<int> from, bool at_begin, bool at_end) const;

  std::vector<State> states_;
};

}  // namespace dure::grammar

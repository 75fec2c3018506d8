#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sampling/grammar/char_set.h"
#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

/// What an automaton does other than read a byte.
struct Jump {
  enum class Kind : uint8_t {
    call,   ///< reads what machine `id` accepts
    token,  ///< reads token `id`
    skip    ///< reads nothing; unlike a move, it stays a step of its own, where joining all that moves reach would make
            ///< automata of quadratic size
  } kind;
  int id;
  bool counted;
  int target;
  auto symbol() const { return std::tuple(kind, id, counted); }
};

/// A deterministic automaton over bytes and jumps; state 0 is the start.
struct ByteDfa {
  struct Edge {
    uint8_t first, last;
    bool counted;
    int target;
  };
  struct State {
    std::vector<Edge> edges;  ///< ascending, disjoint
    std::vector<Jump> jumps;
    bool accepting = false;
  };
  std::vector<State> states;
};

/// A nondeterministic automaton over bytes and jumps.
class ByteNfa {
 public:
  int add_state();
  void add_byte(int from, uint8_t byte, int to) { add_bytes(from, byte, byte, false, to); }
  void add_bytes(int from, uint8_t first, uint8_t last, bool counted, int to);
  /// The UTF-8 of a character, or how JSON writes it between quotes: as it is where that is allowed, else as a short
  /// escape or, for control characters, as \u00XX. The last byte is the one that is counted.
  void add_chars(int from, const CharSet& chars, Text::Encoding encoding, bool counted, int to);
  void add_jump(int from, Jump jump);
  void add_move(int from, int to);

  /// The subset construction. `check` is called with the number of states so far and may throw.
  ByteDfa determinize(int start, int end, const std::function<void(size_t)>& check) const;
  size_t size() const { return states_.size(); }

 private:
  struct State {
    std::vector<ByteDfa::Edge> edges;
    std::vector<Jump> jumps;
    std::vector<int> moves;
  };
  struct ByteRange {
    uint8_t first, last;
    auto operator<=>(const ByteRange&) const = default;
  };
  void add_utf8(int from, char32_t first, char32_t last, bool counted, int to);
  void add_sequence(int from, const std::vector<ByteRange>& bytes, bool counted, int to);
  std::vector<int> closure(std::vector<int> from) const;

  std::vector<State> states_;
  std::map<std::tuple<int, bool, std::vector<ByteRange>>, int> endings_;  ///< states before the rest of a character
};

}  // namespace dure::grammar

#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sampling/grammar/rule.h"

namespace dure::grammar {

struct GrammarLimits {
  size_t states = 400'000;  ///< of all automata together
  std::chrono::milliseconds time{2000};
};

/// A recursive transition network over bytes: automata that call one another. Each is deterministic in the bytes that
/// it reads; of its calls and of what they return to, any number may be under way at once (see recognizer.h). No call
/// is answered by the empty string, no automaton calls itself before it has read a byte, and from every state the text
/// can be finished. Immutable; share between threads.
class CompiledGrammar {
 public:
  static constexpr int kNowhere = -1;

  struct Call {
    int machine;
    int target;
    bool counted;
  };
  struct TokenEdge {
    int id;
    int target;
    bool counted;
  };
  struct State {
    int machine;
    int row;            ///< in the machine's table
    int skip;           ///< a state that may be entered without reading anything, or kNowhere
    int calls, tokens;  ///< where they begin; they end where the next state's do
    int needed;         ///< counted steps on the shortest way to the machine's end
    bool accepting;
    bool tail;  ///< returns at once: accepting, and nothing else can be done here
  };
  /// An automaton. Some have a counter, which counted steps increment: they end with a count of min to max.
  struct Machine {
    int start = 0;  ///< not accepting
    int min = 0, max = kUnbounded;
    int most_needed = 0;  ///< of its states
    int rank = 0;         ///< higher than those of all machines that call it before they read anything
    int byte_classes = 0;
    size_t table = 0;  ///< of its first row
    uint8_t byte_class[256] = {};
    bool leaf = true;              ///< reads bytes only
    std::bitset<256> follow = {};  ///< bytes that may come behind it
    std::string content;           ///< of a leaf: equal for equal automata
    bool counts() const { return min > 0 || max != kUnbounded; }
  };
  struct Step {
    int target;  ///< or kNowhere
    bool counted;
  };

  Step step(int state, uint8_t byte) const {
    const State& s = states[size_t(state)];
    const Machine& m = machines[size_t(s.machine)];
    const int packed = table[m.table + size_t(s.row) * size_t(m.byte_classes) + m.byte_class[byte]];
    return {packed >> 1, (packed & 1) != 0};
  }
  const Machine& machine_of(int state) const { return machines[size_t(states[size_t(state)].machine)]; }
  /// Whether the machine may end here after so many counted steps.
  bool may_end(int state, int count) const { return states[size_t(state)].accepting && count >= machine_of(state).min; }
  /// The count behind a step to `state`, or kNowhere if from there the machine could not end with its maximum. Counts
  /// that make no difference any more become one.
  int count_at(int state, int count, bool counted) const {
    const Machine& m = machine_of(state);
    if (m.max == kUnbounded) return counted && count < m.min ? count + 1 : count;
    count += counted;
    return count + states[size_t(state)].needed <= m.max ? count : kNowhere;
  }

  std::vector<Machine> machines;
  std::vector<State> states;  ///< and one more behind the last
  std::vector<Call> calls;
  std::vector<TokenEdge> tokens;
  std::vector<int> table;        ///< target << 1 | counted
  int root = 0;                  ///< the machine whose strings are the answers
  bool accepts_nothing = false;  ///< the empty string is an answer too
};

/// Throws Error if nothing matches the rule, if a definition calls itself before it has read anything (left
/// recursion), or if a limit is passed.
std::shared_ptr<const CompiledGrammar> compile(const RulePtr& rule, const GrammarLimits& limits = {});

}  // namespace dure::grammar

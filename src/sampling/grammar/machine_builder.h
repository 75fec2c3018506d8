#pragma once

#include <chrono>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sampling/grammar/byte_nfa.h"
#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/rule_analysis.h"

namespace dure::grammar {

/// An automaton of a grammar before compile() links them.
struct LooseMachine {
  ByteDfa dfa;
  int min = 0, max = kUnbounded;
};

/// Lays a rule out as automata that call one another. A rule becomes an automaton of its own if it is referred to and
/// not small, if it is a text, or if it is counted; the rest is spelled out where it stands.
class MachineBuilder {
 public:
  MachineBuilder(const RulePtr& root, const GrammarLimits& limits);

  /// The automata; the first one is the root's.
  std::vector<LooseMachine> build();
  bool root_is_nullable() const { return analysis_.of(*root_).nullable; }
  /// Throws Error if a limit is passed: with so many states more than what is finished.
  void check(size_t states) const;

 private:
  struct Order {
    const Rule* rule;
    const Scope* scope;
  };
  /// Whether a repetition is an automaton of its own.
  bool stands_alone(const Repetition& r) const;
  int machine_of(const Rule& rule, const Scope* scope);
  LooseMachine make(const Rule& rule, const Scope* scope);
  LooseMachine make_text(const Text& text);
  LooseMachine make_repetition(const Repetition& r, const Scope* scope);

  void add(const Rule& rule, const Scope* scope, int from, int to);
  void add_part(const Rule& rule, const Scope* scope, int from, int to);
  void add_call(const Rule& rule, const Scope* scope, int from, int to, bool counted = false);
  void add_repetition(const Repetition& r, const Scope* scope, int from, int to);
  void add_members(const Members& m, const Scope* scope, int from, int to);
  void add_text(const Text& text, bool counted, int from, int to);

  RulePtr root_;
  GrammarLimits limits_;
  std::chrono::steady_clock::time_point deadline_;
  RuleAnalysis analysis_;
  std::vector<Order> orders_;
  std::unordered_map<const Rule*, int> numbers_;
  size_t finished_ = 0;  ///< states
  ByteNfa nfa_;          ///< of the machine in the making
  bool whole_ = false;   ///< it is regular, so everything is spelled out
};

}  // namespace dure::grammar

#pragma once

#include <cstddef>
#include <unordered_map>

#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

/// What compile() wants to know of a rule before it lays it out.
struct RuleFacts {
  bool nullable = false;   ///< the empty string matches
  bool recursive = false;  ///< a definition within refers to itself
  bool loops = false;      ///< repeats something without bound
  bool regular = true;     ///< bytes alone, and no text that is an automaton of its own
  size_t size = 1;         ///< states, about, if all that it refers to is laid out in its place; saturates
};

/// Facts of all rules within one.
class RuleAnalysis {
 public:
  explicit RuleAnalysis(const RulePtr& root);
  const RuleFacts& of(const Rule& rule) const { return facts_.at(&rule); }

 private:
  std::unordered_map<const Rule*, RuleFacts> facts_;
};

/// Whether a text is any one character of a set, which is no automaton of its own.
bool is_one_char(const Rule& rule);
/// Whether a repetition is best counted at run time rather than spelled out. `size`: of what is repeated.
bool is_counted(const Repetition& r, size_t size);

}  // namespace dure::grammar

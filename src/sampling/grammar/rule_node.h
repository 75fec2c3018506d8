#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sampling/grammar/char_dfa.h"
#include "sampling/grammar/rule.h"

// What rules are made of, for those who make and compile them.
namespace dure::grammar {

struct Literal {
  std::string bytes;
};
struct ControlToken {
  int id;
};
struct Concatenation {
  std::vector<RulePtr> parts;
};
struct Alternatives {
  std::vector<RulePtr> ways;  ///< none: the language without strings
};
struct Repetition {
  RulePtr rule;
  int min, max;
  RulePtr separator;  ///< between two of them; may be null
};
/// Some of the members, in their order, and then any number of `rest`, at least one in all, with separators between
/// them.
struct Members {
  struct Member {
    RulePtr rule;
    bool required;
  };
  std::vector<Member> members;
  RulePtr rest;  ///< may be null
  RulePtr separator;
};
/// Strings of a language with min ... max characters, as they are or as what stands between the quotes of JSON.
struct Text {
  enum class Encoding : uint8_t { raw, json };
  CharDfa language;
  int min = 0, max = kUnbounded;
  Encoding encoding = Encoding::raw;
};
/// Definitions that `body` and they themselves may refer to. A scope is closed: nothing within refers to definitions of
/// an outer one.
struct Scope {
  std::vector<RulePtr> definitions;
  RulePtr body;
};
struct Reference {
  int index;  ///< of a definition of the scope that this stands in
};

class Rule {
 public:
  using Node =
      std::variant<Literal, ControlToken, Concatenation, Alternatives, Repetition, Members, Text, Scope, Reference>;
  explicit Rule(Node n) : node(std::move(n)) {}
  const Node node;
};

template <class T>
RulePtr make_rule(T node) {
  return std::make_shared<const Rule>(Rule::Node(std::move(node)));
}

}  // namespace dure::grammar

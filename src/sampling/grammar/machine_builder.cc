#include "sampling/grammar/machine_builder.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace dure::grammar {
namespace {

constexpr size_t kSmall = 64;      // states; a definition of this size is spelled out where it is referred to
constexpr size_t kRegular = 2000;  // states; a regular definition of this size calls no others
constexpr int kFewOptional = 8;    // members; with more of them, leaving one out is a step of its own
constexpr int kFewChars = 8;

/// Whether from every state all numbers of further characters, from the least that lead to the end on, lead to it: on a
/// shortest way from it, some state leads to itself.
bool stretches(const CharDfa& language, const std::vector<int>& far) {
  const auto& states = language.states;
  std::vector<int> order(states.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return far[size_t(a)] < far[size_t(b)]; });
  std::vector<bool> can(states.size());
  for (const int s : order) {
    for (const auto& e : states[size_t(s)].edges)
      if (e.target == s || (far[size_t(e.target)] < far[size_t(s)] && can[size_t(e.target)])) can[size_t(s)] = true;
    if (!can[size_t(s)]) return false;
  }
  return true;
}

/// The text with bounds that a counter can keep without ending up where too few characters can follow. States count
/// where that is not so.
Text settle(const Text& text) {
  Text out = text;
  if (out.language.empty()) return out;
  const std::vector<int> far = out.language.distances();
  if (out.min <= far[0]) out.min = 0;
  if (out.min == 0 || stretches(out.language, far)) return out;
  out.language = with_length(out.language, out.min, out.max);
  out.min = 0;
  out.max = kUnbounded;
  return out;
}

}  // namespace

MachineBuilder::MachineBuilder(const RulePtr& root, const GrammarLimits& limits)
    : root_(root), limits_(limits), deadline_(std::chrono::steady_clock::now() + limits.time), analysis_(root) {}

void MachineBuilder::check(size_t states) const {
  require(finished_ + states <= limits_.states, "the grammar needs more than {} states", limits_.states);
  require(std::chrono::steady_clock::now() < deadline_, "the grammar takes more than {} ms to compile",
          limits_.time.count());
}

std::vector<LooseMachine> MachineBuilder::build() {
  machine_of(*root_, nullptr);
  std::vector<LooseMachine> machines;
  for (size_t i = 0; i < orders_.size(); ++i) {
    const Order order = orders_[i];
    machines.push_back(make(*order.rule, order.scope));
    finished_ += machines.back().dfa.states.size();
    check(0);
  }
  return machines;
}

int MachineBuilder::machine_of(const Rule& rule, const Scope* scope) {
  const auto [at, added] = numbers_.emplace(&rule, int(orders_.size()));
  if (added) orders_.push_back({&rule, scope});
  return at->second;
}

bool MachineBuilder::stands_alone(const Repetition& r) const {
  if (is_one_char(*r.rule) && !r.separator && r.max > kFewChars) return true;
  return is_counted(r, analysis_.of(*r.rule).size + (r.separator ? analysis_.of(*r.separator).size : 0));
}

LooseMachine MachineBuilder::make(const Rule& rule, const Scope* scope) {
  nfa_ = ByteNfa();
  whole_ = false;
  if (const auto* text = std::get_if<Text>(&rule.node)) return make_text(*text);
  if (const auto* r = std::get_if<Repetition>(&rule.node))
    if (stands_alone(*r)) return make_repetition(*r, scope);
  const RuleFacts& facts = analysis_.of(rule);
  whole_ = facts.regular && facts.size <= kRegular;
  const int start = nfa_.add_state(), end = nfa_.add_state();
  add(rule, scope, start, end);
  return {nfa_.determinize(start, end, [&](size_t n) { check(n); })};
}

LooseMachine MachineBuilder::make_text(const Text& original) {
  const Text text = settle(original);
  const int start = nfa_.add_state(), end = nfa_.add_state();
  add_text(text, text.min > 0 || text.max != kUnbounded, start, end);
  return {nfa_.determinize(start, end, [&](size_t n) { check(n); }), text.min, text.max};
}

LooseMachine MachineBuilder::make_repetition(const Repetition& r, const Scope* scope) {
  if (is_one_char(*r.rule) && !r.separator) {
    Text text = std::get<Text>(r.rule->node);  // the same characters, any number of them
    text.language.states.resize(1);
    text.language.states[0].accepting = true;
    for (auto& e : text.language.states[0].edges) e.target = 0;
    text.min = r.min;
    text.max = r.max;
    return make_text(text);
  }
  const bool nullable = analysis_.of(*r.rule).nullable;  // then some of the repetitions may be empty
  require(!nullable || !r.separator, "grammar: what is repeated with separators may not be empty");
  const int start = nfa_.add_state(), behind = nfa_.add_state();
  add_call(*r.rule, scope, start, behind, true);
  if (r.separator) {
    const int next = nfa_.add_state();
    add_part(*r.separator, scope, behind, next);
    add_call(*r.rule, scope, next, behind, true);
  } else {
    add_call(*r.rule, scope, behind, behind, true);
  }
  return {nfa_.determinize(start, behind, [&](size_t n) { check(n); }), nullable ? 0 : r.min, r.max};
}

void MachineBuilder::add_text(const Text& text, bool counted, int from, int to) {
  std::vector<int> numbers;
  for (size_t i = 0; i < text.language.states.size(); ++i) numbers.push_back(nfa_.add_state());
  nfa_.add_move(from, numbers[0]);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const CharDfa::State& state = text.language.states[i];
    if (state.accepting) nfa_.add_move(numbers[i], to);
    std::map<int, CharSet> targets;
    for (const auto& e : state.edges) targets[e.target].add(e.first, e.last);
    for (const auto& [target, chars] : targets)
      nfa_.add_chars(numbers[i], chars, text.encoding, counted, numbers[size_t(target)]);
    if (i % 256 == 0) check(nfa_.size());
  }
}

void MachineBuilder::add(const Rule& rule, const Scope* scope, int from, int to) {
  if (const auto* l = std::get_if<Literal>(&rule.node)) {
    for (size_t i = 0; i < l->bytes.size(); ++i) {
      const int next = i + 1 < l->bytes.size() ? nfa_.add_state() : to;
      nfa_.add_byte(from, uint8_t(l->bytes[i]), next);
      from = next;
    }
    if (l->bytes.empty()) nfa_.add_move(from, to);
  } else if (const auto* t = std::get_if<ControlToken>(&rule.node)) {
    nfa_.add_jump(from, {Jump::Kind::token, t->id, false, to});
  } else if (const auto* c = std::get_if<Concatenation>(&rule.node)) {
    for (const RulePtr& part : c->parts) {
      const int next = nfa_.add_state();
      add(*part, scope, from, next);
      from = next;
    }
    nfa_.add_move(from, to);
  } else if (const auto* a = std::get_if<Alternatives>(&rule.node)) {
    for (const RulePtr& way : a->ways) add(*way, scope, from, to);
  } else if (const auto* r = std::get_if<Repetition>(&rule.node)) {
    if (whole_ || !stands_alone(*r)) {
      add_repetition(*r, scope, from, to);
    } else {
      add_call(rule, scope, from, to);
    }
  } else if (const auto* m = std::get_if<Members>(&rule.node)) {
    add_members(*m, scope, from, to);
  } else if (const auto* text = std::get_if<Text>(&rule.node)) {
    if (is_one_char(rule)) {
      add_text(*text, false, from, to);
    } else {
      add_call(rule, scope, from, to);
    }
  } else if (const auto* s = std::get_if<Scope>(&rule.node)) {
    add(*s->body, s, from, to);
  } else if (const auto* reference = std::get_if<Reference>(&rule.node)) {
    const Rule& definition = *scope->definitions[size_t(reference->index)];
    const RuleFacts& facts = analysis_.of(definition);
    if (whole_ || (!facts.recursive && !facts.loops && facts.size <= kSmall)) {
      add(definition, scope, from, to);
    } else {
      add_call(definition, scope, from, to);
    }
  }
  check(nfa_.size());
}

void MachineBuilder::add_part(const Rule& rule, const Scope* scope, int from, int to) {
  if (whole_ || analysis_.of(rule).size <= kSmall) {
    add(rule, scope, from, to);
  } else {
    add_call(rule, scope, from, to);
  }
}

void MachineBuilder::add_call(const Rule& rule, const Scope* scope, int from, int to, bool counted) {
  nfa_.add_jump(from, {Jump::Kind::call, machine_of(rule, scope), counted, to});
  if (analysis_.of(rule).nullable && !counted) nfa_.add_move(from, to);
}

void MachineBuilder::add_repetition(const Repetition& r, const Scope* scope, int from, int to) {
  const Rule& rule = *r.rule;
  if (r.max == 0) return nfa_.add_move(from, to);
  const auto separate = [&](int at) {
    if (!r.separator) return at;
    const int next = nfa_.add_state();
    add_part(*r.separator, scope, at, next);
    return next;
  };
  int at = nfa_.add_state();
  nfa_.add_move(from, at);
  const auto append = [&](bool first) {
    const int next = nfa_.add_state();
    add_part(rule, scope, first ? at : separate(at), next);
    at = next;
  };
  for (int i = 0; i < r.min; ++i) append(i == 0);
  if (r.max != kUnbounded) {
    for (int i = r.min; i < r.max; ++i) {
      nfa_.add_move(at, to);
      append(i == 0);
    }
  } else {
    if (r.min == 0 && r.separator) {
      nfa_.add_move(at, to);
      append(true);
    }
    const int loop = nfa_.add_state(), back = nfa_.add_state();
    nfa_.add_move(at, loop);
    add_part(rule, scope, separate(loop), back);
    nfa_.add_move(back, loop);
    at = loop;
  }
  nfa_.add_move(at, to);
}

void MachineBuilder::add_members(const Members& m, const Scope* scope, int from, int to) {
  const auto optional = std::count_if(m.members.begin(), m.members.end(), [](const auto& x) { return !x.required; });
  const bool many = optional > kFewOptional;
  const auto leave_out = [&](int a, int b) {
    if (many) {
      nfa_.add_jump(a, {Jump::Kind::skip, 0, false, b});
    } else {
      nfa_.add_move(a, b);
    }
  };
  const auto append = [&](const Rule& rule, int a, int b) {
    if (many) {
      add_call(rule, scope, a, b);
    } else {
      add_part(rule, scope, a, b);
    }
  };
  const auto separate = [&](int a) {
    const int next = nfa_.add_state();
    add_part(*m.separator, scope, a, next);
    return next;
  };

  // Of each member two states: nothing has been written before it, or something has.
  bool first = true;  // it may still be the first
  int none = nfa_.add_state(), some = nfa_.add_state();
  nfa_.add_move(from, none);
  for (const auto& [rule, required] : m.members) {
    const int next_none = nfa_.add_state(), next_some = nfa_.add_state();
    if (first) append(*rule, none, next_some);
    append(*rule, separate(some), next_some);
    if (!required) {
      if (first) leave_out(none, next_none);
      leave_out(some, next_some);
    }
    first &= !required;
    none = next_none;
    some = next_some;
  }
  if (m.rest) {
    if (first) append(*m.rest, none, some);
    append(*m.rest, separate(some), some);
  }
  nfa_.add_move(some, to);
}

}  // namespace dure::grammar

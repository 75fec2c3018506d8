#include "sampling/grammar/rule_analysis.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"

namespace dure::grammar {
namespace {

constexpr size_t kHuge = size_t{1} << 40;
constexpr size_t kSpelledOut = 160;  // states that a repetition with bounds may take

template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

/// The rules directly within one, references resolved.
template <class Visit>
void for_each_part(const Rule& rule, const Scope* scope, Visit visit) {
  std::visit(Cases{[](const Literal&) {}, [](const ControlToken&) {}, [](const Text&) {},
                   [&](const Concatenation& c) {
                     for (const RulePtr& part : c.parts) visit(*part, scope);
                   },
                   [&](const Alternatives& a) {
                     for (const RulePtr& way : a.ways) visit(*way, scope);
                   },
                   [&](const Repetition& r) {
                     visit(*r.rule, scope);
                     if (r.separator) visit(*r.separator, scope);
                   },
                   [&](const Members& m) {
                     for (const auto& member : m.members) visit(*member.rule, scope);
                     if (m.rest) visit(*m.rest, scope);
                     visit(*m.separator, scope);
                   },
                   [&](const Scope& s) { visit(*s.body, &s); },
                   [&](const Reference& r) {
                     DURE_ASSERT(scope);
                     visit(*scope->definitions[size_t(r.index)], scope);
                   }},
             rule.node);
}

size_t saturate(size_t size) { return std::min(size, kHuge); }

}  // namespace

bool is_one_char(const Rule& rule) {
  const auto* text = std::get_if<Text>(&rule.node);
  if (text == nullptr || text->min != 0 || text->max != kUnbounded || text->language.states.size() != 2) return false;
  const auto& states = text->language.states;
  return !states[0].accepting && states[1].accepting && states[1].edges.empty() &&
         std::all_of(states[0].edges.begin(), states[0].edges.end(), [](const auto& e) { return e.target == 1; });
}

bool is_counted(const Repetition& r, size_t size) {
  if (r.max == kUnbounded ? r.min <= 1 : r.max <= 1) return false;
  const size_t copies = size_t(r.max == kUnbounded ? r.min : r.max);
  return size * copies > kSpelledOut;
}

RuleAnalysis::RuleAnalysis(const RulePtr& root) {
  // Depth first with a stack of our own: definitions may form long chains.
  struct Frame {
    const Rule* rule;
    const Scope* scope;
    std::vector<std::pair<const Rule*, const Scope*>> parts;
    size_t next = 0;
  };
  std::vector<Frame> stack;
  std::vector<std::pair<const Rule*, const Scope*>> order;  // parts before wholes, but for recursion
  std::unordered_map<const Rule*, bool> done;
  const auto enter = [&](const Rule& rule, const Scope* scope) {
    Frame frame{&rule, scope, {}};
    for_each_part(rule, scope, [&](const Rule& part, const Scope* s) { frame.parts.emplace_back(&part, s); });
    done.emplace(&rule, false);
    facts_.emplace(&rule, RuleFacts{});
    stack.push_back(std::move(frame));
  };
  enter(*root, nullptr);
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next < frame.parts.size()) {
      const auto [part, scope] = frame.parts[frame.next++];
      const auto seen = done.find(part);
      if (seen == done.end()) {
        enter(*part, scope);
      } else if (!seen->second) {
        facts_[frame.rule].recursive = true;
      }
      continue;
    }
    RuleFacts facts = facts_[frame.rule];
    size_t sum = 1;
    for (const auto& [part, scope] : frame.parts) {
      const RuleFacts& f = facts_[part];
      facts.recursive |= f.recursive;
      facts.loops |= f.loops;
      facts.regular &= f.regular;
      sum = saturate(sum + f.size);
    }
    const auto size_of = [&](const RulePtr& rule) { return rule ? facts_[rule.get()].size : 0; };
    std::visit(
        Cases{[&](const Literal& l) { sum = l.bytes.size() + 1; }, [&](const ControlToken&) { facts.regular = false; },
              [&](const Text&) { facts.regular = is_one_char(*frame.rule); },
              [&](const Repetition& r) {
                facts.loops |= r.max == kUnbounded;
                const size_t body = size_of(r.rule) + size_of(r.separator);
                if (is_counted(r, body)) {
                  facts.regular = false;
                } else {
                  sum = saturate(body * size_t(r.max == kUnbounded ? r.min + 1 : std::max(1, r.max)) + 2);
                }
              },
              [&](const Members& m) {
                facts.loops |= m.rest != nullptr;
                sum = saturate(2 * sum);
              },
              [](const auto&) {}},
        frame.rule->node);
    facts.size = facts.recursive ? kHuge : sum;
    if (facts.recursive) facts.regular = false;
    facts_[frame.rule] = facts;
    done[frame.rule] = true;
    order.emplace_back(frame.rule, frame.scope);
    stack.pop_back();
  }

  for (bool changed = true; changed;) {  // the least fixed point
    changed = false;
    for (const auto& [rule, in] : order) {
      RuleFacts& facts = facts_[rule];
      if (facts.nullable) continue;
      const Scope* scope = in;
      const auto nullable = [&](const RulePtr& r) { return facts_[r.get()].nullable; };
      facts.nullable = std::visit(
          Cases{[](const Literal& l) { return l.bytes.empty(); }, [](const ControlToken&) { return false; },
                [&](const Concatenation& c) { return std::all_of(c.parts.begin(), c.parts.end(), nullable); },
                [&](const Alternatives& a) { return std::any_of(a.ways.begin(), a.ways.end(), nullable); },
                [&](const Repetition& r) {
                  return r.min == 0 || (nullable(r.rule) && (r.min == 1 || !r.separator || nullable(r.separator)));
                },
                [](const Members&) { return false; },
                [](const Text& t) { return t.language.states[0].accepting && t.min == 0; },
                [&](const Scope& s) { return nullable(s.body); },
                [&](const Reference& r) { return nullable(scope->definitions[size_t(r.index)]); }},
          rule->node);
      changed |= facts.nullable;
    }
  }
}

}  // namespace dure::grammar

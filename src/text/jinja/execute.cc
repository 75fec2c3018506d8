// Statements.

#include "base/error.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/nested.h"
#include "text/jinja/print.h"

namespace dure::jinja {

MarkedText Evaluator::run(const Body& body) {
  MarkedText text;
  const Swapped<MarkedText*> out(out_, &text);
  exec(body);
  return text;
}

Evaluator::Flow Evaluator::exec(const Body& body) {
  for (const Statement& statement : body)
    if (const Flow flow = exec(statement); flow != Flow::kNext) return flow;
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const Statement& statement) {
  const Nested nested(calls_);
  heap_.work(1);
  const int line = std::exchange(line_, statement.line);
  const Flow flow = std::visit([this](const auto& node) { return exec(node); }, statement.node);
  line_ = line;
  return flow;
}

Evaluator::Flow Evaluator::exec(const Data& s) {
  heap_.work(weight(s.text));
  out_->append(*s.text.text());
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const Print& s) {
  const Value value = eval(*s.value);
  heap_.work(weight(value));
  if (const MarkedText* text = value.text()) {
    out_->append(*text);
  } else {
    out_->append(to_text(value));
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const If& s) {
  for (const auto& [condition, body] : s.branches)
    if (truthy(eval(*condition))) return exec(body);
  return exec(s.otherwise);
}

Evaluator::Flow Evaluator::exec(const For& s) { return run_loop(s, eval(*s.iterable), 0); }

/// The loop's `if` is asked for every item first, so that loop.length and its kin count what is left.
Evaluator::Flow Evaluator::run_loop(const For& s, const Value& iterable, int depth) {
  std::vector<Value> items = iterate(*this, iterable);
  if (s.filter) {
    std::vector<Value> kept;
    for (Value& item : items) {
      Scope scope{.parent = scope_};
      const Swapped<Scope*> inside(scope_, &scope);
      assign(s.target, item);
      if (truthy(eval(*s.filter))) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  if (items.empty()) {
    Scope scope{.parent = scope_};
    const Swapped<Scope*> inside(scope_, &scope);
    return exec(s.otherwise);
  }

  const Value list = heap_.list(std::move(items));
  Loop* loop = heap_.make_loop({.items = list.list(), .depth = depth, .recursive = s.recursive ? &s : nullptr});
  const Swapped<Scope*> running(loop->scope, scope_);
  for (; loop->index < loop->items->items.size(); ++loop->index) {
    heap_.work(1);
    Scope scope{.parent = scope_};
    const Swapped<Scope*> inside(scope_, &scope);
    scope.variables["loop"] = loop;
    assign(s.target, loop->items->items[loop->index]);
    if (exec(s.body) == Flow::kBreak) break;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const Set& s) {
  assign(s.target, eval(*s.value));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const SetBlock& s) {
  assign(s.target, filtered(*s.value, s.body));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const FilterBlock& s) {
  const Value value = filtered(*s.value, s.body);
  heap_.work(weight(value));
  out_->append(to_text(value));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const DefineMacro& s) {
  scope_->variables[s.macro->name] = make_macro(*s.macro);
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const CallBlock& s) {
  const Value caller = make_macro(*s.caller);
  const Value value = eval_call(std::get<Call>(s.call->node), &caller);
  heap_.work(weight(value));
  out_->append(to_text(value));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const With& s) {
  Scope scope{.parent = scope_};
  std::vector<Value> values;  // all are evaluated outside, then assigned inside
  for (const auto& [target, value] : s.variables) values.push_back(eval(*value));
  const Swapped<Scope*> inside(scope_, &scope);
  for (size_t i = 0; i < values.size(); ++i) assign(s.variables[i].first, values[i]);
  return exec(s.body);
}

MarkedText Evaluator::capture(const Body& body, Scope* parent) {
  MarkedText text;
  Scope scope{.parent = parent};
  const Swapped<MarkedText*> out(out_, &text);
  const Swapped<Scope*> inside(scope_, &scope);
  exec(body);
  return text;
}

Value Evaluator::filtered(const Expr& filters, const Body& body) {
  const Swapped<Value> text(block_text_, string(capture(body, scope_)));
  return eval(filters);
}

void Evaluator::assign(const Target& target, const Value& value) {
  if (target.name.empty()) {
    const std::vector<Value> items = iterate(*this, value);
    require(!value.is<Undefined>() && items.size() == target.items.size(), "cannot unpack {} values into {}",
            items.size(), target.items.size());
    for (size_t i = 0; i < items.size(); ++i) assign(target.items[i], items[i]);
  } else if (target.attribute.empty()) {
    scope_->variables[target.name] = value;
  } else {
    const Value space = lookup(target.name);
    require(space.is<Namespace*>(), "cannot assign an attribute of '{}', which is no namespace", target.name);
    heap_.set_attribute(**space.as<Namespace*>(), target.attribute, value);
  }
}

/// A macro sees the outermost variables as they are when it is called. Of a loop or another macro around it, which may
/// have ended by then, it keeps the variables of the moment.
Value Evaluator::make_macro(const Macro& macro) {
  Function function{.name = macro.name, .macro = &macro};
  for (const Scope* scope = scope_; scope && scope != &root_; scope = scope->parent)
    for (const auto& [name, value] : scope->variables) function.closure.emplace_back(name, value);
  heap_.work(1 + function.closure.size());
  return heap_.function(std::move(function));
}

}  // namespace dure::jinja

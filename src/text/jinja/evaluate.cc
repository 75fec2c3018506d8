// Expressions.

#include <algorithm>

#include "base/error.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/nested.h"
#include "text/jinja/operators.h"

namespace dure::jinja {
namespace {

Value recurse_native(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("loop", {"iterable"}, 1);
  return runtime.recurse(**self.as<Loop*>(), p[0]);
}

/// What searching, comparing or rewriting a text by others may cost.
size_t text_work(const Value& self, const Args& args) {
  size_t others = 1;
  for (const Value& arg : args.positional)
    if (arg.text()) others += weight(arg) - 1;
  return weight(self) * others;
}

}  // namespace

Value Runtime::filter(std::string_view name, const Value& input, const Args& args) {
  const Native native = find_filter(name);
  require(native != nullptr, "no filter named {}", quote(name));
  work(1 + (input.text() ? text_work(input, args) : 0));
  return native(*this, input, args);
}

bool Runtime::test(std::string_view name, const Value& input, const Args& args) {
  const Native native = find_test(name);
  require(native != nullptr, "no test named {}", quote(name));
  work(1);
  return truthy(native(*this, input, args));
}

Value Evaluator::eval(const Expr& expr) {
  const Nested nested(calls_);
  heap_.work(1);
  const int line = std::exchange(line_, expr.line);
  Value value = std::visit([this](const auto& node) { return eval(node); }, expr.node);
  line_ = line;  // not on an error: then line_ tells where it was
  return value;
}

Value Evaluator::lookup(std::string_view name) {
  for (const Scope* scope = scope_; scope; scope = scope->parent)
    if (const auto it = scope->variables.find(name); it != scope->variables.end()) return it->second;
  if (const Native native = find_global(name)) return heap_.function({.name = name, .native = native});
  return heap_.undefined(fmt::format("{} is undefined", quote(name)));
}

Value Evaluator::eval(const Name& e) { return lookup(e.name); }

Value Evaluator::eval(const ListLiteral& e) {
  std::vector<Value> items;
  items.reserve(e.items.size());
  for (const ExprPtr& item : e.items) items.push_back(eval(*item));
  return e.tuple ? heap_.tuple(std::move(items)) : heap_.list(std::move(items));
}

Value Evaluator::eval(const DictLiteral& e) {
  std::vector<std::pair<Value, Value>> items;
  for (const auto& [key, value] : e.items) {
    Value k = eval(*key);
    items.emplace_back(std::move(k), eval(*value));
  }
  return heap_.dict(std::move(items));
}

Value Evaluator::eval(const Unary& e) {
  const Value operand = eval(*e.operand);
  if (e.op == Unary::kNot) return !truthy(operand);
  if (e.op == Unary::kMinus) return negate(operand);
  to_double(operand);  // `+` takes numbers only
  return operand;
}

Value Evaluator::eval(const Binary& e) {
  const Value left = eval(*e.left);
  if (e.op == Binary::kAnd) return truthy(left) ? eval(*e.right) : left;
  if (e.op == Binary::kOr) return truthy(left) ? left : eval(*e.right);
  const Value right = eval(*e.right);
  switch (e.op) {
    case Binary::kAdd: return add(*this, left, right);
    case Binary::kSubtract: return subtract(left, right);
    case Binary::kMultiply: return multiply(*this, left, right);
    case Binary::kDivide: return divide(left, right);
    case Binary::kFloorDivide: return floor_divide(left, right);
    case Binary::kModulo: return modulo(*this, left, right);
    case Binary::kPower: return power(left, right);
    default: return concat(*this, left, right);
  }
}

Value Evaluator::eval(const Compare& e) {
  Value left = eval(*e.first);
  for (const auto& [op, operand] : e.rest) {
    Value right = eval(*operand);
    const bool search = op == Compare::kIn || op == Compare::kNotIn;
    heap_.work(!search        ? std::min(weight(left), weight(right))
               : right.text() ? weight(left) * weight(right)
               : right.list() ? weight(right)
                              : weight(left));
    if (!holds(op, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Evaluator::eval(const Conditional& e) {
  if (truthy(eval(*e.condition))) return eval(*e.then);
  if (e.otherwise) return eval(*e.otherwise);
  return heap_.undefined("the inline if-expression evaluated to false and no else section was defined");
}

Value Evaluator::eval(const Attribute& e) { return get_attribute(*this, eval(*e.object), e.name); }

Value Evaluator::eval(const Subscript& e) {
  const Value object = eval(*e.object);
  return get_item(*this, object, eval(*e.key));
}

Value Evaluator::eval(const Slice& e) {
  const Value object = eval(*e.object);
  const auto bound = [&](const ExprPtr& expr) { return expr ? eval(*expr) : Value(None{}); };
  const Value start = bound(e.start), stop = bound(e.stop);
  return get_slice(*this, object, start, stop, bound(e.step));
}

Args Evaluator::eval_args(const CallArgs& args) {
  Args out;
  for (const ExprPtr& arg : args.positional) out.positional.push_back(eval(*arg));
  for (const auto& [name, arg] : args.named) out.named.emplace_back(name, eval(*arg));
  if (args.star)
    for (Value& item : iterate(*this, eval(*args.star))) out.positional.push_back(std::move(item));
  if (args.star_star) {
    const Value named = eval(*args.star_star);
    require(named.dict() != nullptr, "the argument after ** must be a mapping, not '{}'", type_name(named));
    heap_.work(named.dict()->items.size());
    for (const auto& [key, value] : named.dict()->items) {
      require(key.text() != nullptr, "keywords must be strings");
      out.named.emplace_back(key.text()->bytes(), value);
    }
  }
  return out;
}

Value Evaluator::eval(const FilterCall& e) {
  const Value input = eval(*e.input);
  return filter(e.name, input, eval_args(e.args));
}

Value Evaluator::eval(const TestCall& e) {
  const Value input = eval(*e.input);
  return test(e.name, input, eval_args(e.args)) != e.negated;
}

Value Evaluator::eval_call(const Call& e, const Value* caller) {
  const auto with_caller = [&](Args args) {
    if (caller) args.named.emplace_back("caller", *caller);
    return args;
  };
  // A method is called without making a value of it first.
  if (const Attribute* method = std::get_if<Attribute>(&e.callee->node)) {
    const Value object = eval(*method->object);
    if (const Native native = find_method(object, method->name))
      return call_native(native, object, with_caller(eval_args(e.args)));
    return call(get_attribute(*this, object, method->name), with_caller(eval_args(e.args)));
  }
  const Value callee = eval(*e.callee);
  return call(callee, with_caller(eval_args(e.args)));
}

Value Evaluator::call_native(Native native, const Value& self, const Args& args) {
  heap_.work(1 + (self.text() ? text_work(self, args) : 0));
  return native(*this, self, args);
}

Value Evaluator::call(const Value& callee, const Args& args) {
  require_defined(callee);
  if (callee.is<Loop*>()) return recurse_native(*this, callee, args);
  const auto* function = callee.as<const Function*>();
  require(function != nullptr, "'{}' object is not callable", type_name(callee));
  return (*function)->macro ? call_macro(**function, args) : call_native((*function)->native, (*function)->self, args);
}

Value Evaluator::call_macro(const Function& function, const Args& args) {
  const Macro& macro = *function.macro;
  Scope closure{.parent = &root_};
  for (const auto& [name, value] : function.closure) closure.variables.emplace(name, value);  // the innermost wins
  Scope arguments{.parent = &closure};
  const Swapped<Scope*> scope(scope_, &arguments);

  const size_t n = macro.parameters.size();
  require(args.positional.size() <= n || macro.takes_varargs, "macro '{}' takes at most {} arguments, got {}",
          macro.name, n, args.positional.size());
  for (size_t i = 0; i < std::min(n, args.positional.size()); ++i)
    arguments.variables[macro.parameters[i].first] = args.positional[i];
  std::vector<std::pair<Value, Value>> extra;
  for (const auto& [name, value] : args.named) {
    const auto parameter =
        std::find_if(macro.parameters.begin(), macro.parameters.end(), [&](const auto& p) { return p.first == name; });
    if (parameter != macro.parameters.end()) {
      require(arguments.variables.emplace(parameter->first, value).second, "macro '{}' got two values for '{}'",
              macro.name, name);
    } else if (name == "caller") {
      require(macro.takes_caller, "macro '{}' does not call its caller", macro.name);
      arguments.variables["caller"] = value;
    } else {
      require(macro.takes_kwargs, "macro '{}' has no parameter {}", macro.name, quote(name));
      extra.emplace_back(string(name), value);
    }
  }
  for (const auto& [name, fallback] : macro.parameters) {
    if (arguments.variables.contains(name)) continue;
    arguments.variables[name] =
        fallback ? eval(*fallback) : heap_.undefined(fmt::format("parameter '{}' was not provided", name));
  }
  if (macro.takes_varargs)
    arguments.variables["varargs"] = heap_.tuple(
        std::vector<Value>(args.positional.begin() + std::min(n, args.positional.size()), args.positional.end()));
  if (macro.takes_kwargs) arguments.variables["kwargs"] = heap_.dict(std::move(extra));
  return string(capture(macro.body, &arguments));
}

Value Evaluator::recurse(Loop& loop, const Value& items) {
  require(loop.recursive && loop.scope, "loop() needs a loop marked as recursive that is still running");
  const Nested nested(calls_);
  MarkedText text;
  {
    const Swapped<MarkedText*> out(out_, &text);
    const Swapped<Scope*> scope(scope_, loop.scope);
    run_loop(*loop.recursive, items, loop.depth + 1);
  }
  return string(std::move(text));
}

}  // namespace dure::jinja

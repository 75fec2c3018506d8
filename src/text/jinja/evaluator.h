#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {

/// Expressions being evaluated within each other, through macros and recursive loops too.
constexpr int kMaxCalls = 1000;

/// The variables of one block; names belong to the template or to the context.
struct Scope {
  Scope* parent = nullptr;
  std::unordered_map<std::string_view, Value> variables = {};
};

/// Runs one template once. Errors are thrown without a place; line() tells where it stood.
class Evaluator final : public Runtime {
 public:
  using Clock = std::function<std::string(const std::string& format)>;

  explicit Evaluator(Clock clock, Budget budget = {}) : Runtime(budget), clock_(std::move(clock)) {}

  /// Sets a variable that the template sees. REQUIRES: `name` outlives the evaluator.
  void define(std::string_view name, Value value) { root_.variables[name] = std::move(value); }

  MarkedText run(const Body& body);
  int line() const { return line_; }

  Value call(const Value& callee, const Args& args) override;
  Value recurse(Loop& loop, const Value& items) override;
  std::string local_time(const std::string& format) override { return clock_(format); }

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Nested;

  // expressions: evaluate.cc
  Value eval(const Expr& expr);
  Value eval(const Literal& e) { return e.value; }
  Value eval(const Name& e);
  Value eval(const ListLiteral& e);
  Value eval(const DictLiteral& e);
  Value eval(const Unary& e);
  Value eval(const Binary& e);
  Value eval(const Compare& e);
  Value eval(const Conditional& e);
  Value eval(const Attribute& e);
  Value eval(const Subscript& e);
  Value eval(const Slice& e);
  Value eval(const Call& e) { return eval_call(e, nullptr); }
  Value eval(const FilterCall& e);
  Value eval(const TestCall& e);
  Value eval(const BlockText&) { return block_text_; }
  Value eval_call(const Call& e, const Value* caller);
  Args eval_args(const CallArgs& args);
  Value call_native(Native native, const Value& self, const Args& args);
  Value call_macro(const Function& function, const Args& args);
  Value lookup(std::string_view name);

  // statements: execute.cc
  Flow exec(const Body& body);
  Flow exec(const Statement& statement);
  Flow exec(const Data& s);
  Flow exec(const Print& s);
  Flow exec(const If& s);
  Flow exec(const For& s);
  Flow exec(const Break&) { return Flow::kBreak; }
  Flow exec(const Continue&) { return Flow::kContinue; }
  Flow exec(const Set& s);
  Flow exec(const SetBlock& s);
  Flow exec(const DefineMacro& s);
  Flow exec(const CallBlock& s);
  Flow exec(const FilterBlock& s);
  Flow exec(const With& s);
  Flow run_loop(const For& loop, const Value& iterable, int depth);
  MarkedText capture(const Body& body, Scope* parent);
  Value filtered(const Expr& filters, const Body& body);
  void assign(const Target& target, const Value& value);
  Value make_macro(const Macro& macro);

  Clock clock_;
  Scope root_;
  Scope* scope_ = &root_;
  MarkedText* out_ = nullptr;
  Value block_text_;
  int line_ = 1;
  int calls_ = 0;
};

}  // namespace dure::jinja

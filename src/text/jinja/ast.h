#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/value.h"

namespace dure::jinja {

struct Expr;
struct Statement;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<Statement>;

// ---- expressions

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct ListLiteral {
  std::vector<ExprPtr> items;
  bool tuple;
};
struct DictLiteral {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};
struct Unary {
  enum Op { kNot, kMinus, kPlus } op;
  ExprPtr operand;
};
struct Binary {
  enum Op { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower, kConcat, kAnd, kOr } op;
  ExprPtr left, right;
};
/// `a < b <= c`: every neighbouring pair must hold.
struct Compare {
  enum Op { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };
  ExprPtr first;
  std::vector<std::pair<Op, ExprPtr>> rest;
};
struct Conditional {
  ExprPtr condition, then, otherwise;  // otherwise may be null
};
struct Attribute {
  ExprPtr object;
  std::string name;
};
struct Subscript {
  ExprPtr object, key;
};
struct Slice {
  ExprPtr object, start, stop, step;  // all but the object may be null
};
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, star_star;  // *args and **kwargs, may be null
};
struct Call {
  ExprPtr callee;
  CallArgs args;
};
struct FilterCall {
  ExprPtr input;
  std::string name;
  CallArgs args;
};
struct TestCall {
  ExprPtr input;
  std::string name;
  CallArgs args;
  bool negated;
};
/// What a `{% filter %}` or a filtered `{% set %}` block captured.
struct BlockText {};

struct Expr {
  int line;
  int height;  ///< longest path to a leaf; the parser bounds it, so that walking and freeing the tree may recurse
  std::variant<Literal, Name, ListLiteral, DictLiteral, Unary, Binary, Compare, Conditional, Attribute, Subscript,
               Slice, Call, FilterCall, TestCall, BlockText>
      node;
};

// ---- statements

/// Where `set`, `for` and `with` put a value: a name, a namespace's attribute, or one target for each of its items.
struct Target {
  std::string name;
  std::string attribute;      ///< not empty: name.attribute
  std::vector<Target> items;  ///< used if name is empty
};
struct Data {
  Value text;
};
struct Print {
  ExprPtr value;
};
struct If {
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExprPtr iterable;
  ExprPtr filter;  // may be null
  bool recursive;
  Body body, otherwise;
};
struct Break {};
struct Continue {};
struct Set {
  Target target;
  ExprPtr value;
};
struct SetBlock {
  Target target;
  ExprPtr value;  ///< BlockText, perhaps filtered
  Body body;
};
struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  // default may be null
  Body body;
  bool takes_varargs = false, takes_kwargs = false, takes_caller = false;
};
struct DefineMacro {
  std::unique_ptr<Macro> macro;
};
/// `{% call(x) f() %}body{% endcall %}`: calls f with the body as its `caller`.
struct CallBlock {
  std::unique_ptr<Macro> caller;
  ExprPtr call;
};
struct FilterBlock {
  ExprPtr value;  ///< filters over BlockText
  Body body;
};
/// `{% with %}` and `{% generation %}`: a body with variables of its own.
struct With {
  std::vector<std::pair<Target, ExprPtr>> variables;
  Body body;
};

struct Statement {
  int line;
  std::variant<Data, Print, If, For, Break, Continue, Set, SetBlock, DefineMacro, CallBlock, FilterBlock, With> node;
};

}  // namespace dure::jinja

#pragma once

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {

/// Python's operators. All throw Error on operands that the operator does not take, and on integers beyond 64 bits.
Value negate(const Value& operand);
Value add(Runtime&, const Value& a, const Value& b);
Value subtract(const Value& a, const Value& b);
Value multiply(Runtime&, const Value& a, const Value& b);
Value divide(const Value& a, const Value& b);
Value floor_divide(const Value& a, const Value& b);
Value modulo(Runtime&, const Value& a, const Value& b);  ///< formats if a is a string
Value power(const Value& a, const Value& b);
Value concat(Runtime&, const Value& a, const Value& b);  ///< `~`: joins the texts of both

/// Less than zero, zero or more, as Python orders numbers, strings and sequences. Throws Error on other pairs.
int compare(const Value& a, const Value& b);
bool contains(const Value& container, const Value& item);
bool holds(Compare::Op op, const Value& a, const Value& b);

/// A number's value; throws Error, naming the operator, on what is not a number.
double to_double(const Value& value);

/// Python's `format % arguments`.
MarkedText format_percent(Runtime&, const MarkedText& format, const Value& arguments);
/// Python's `format.format(...)`.
MarkedText format_braces(Runtime&, const MarkedText& format, const Args& args);

}  // namespace dure::jinja

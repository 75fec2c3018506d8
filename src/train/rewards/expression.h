#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dure {

/// What an expression comes to, as a fraction in lowest terms, and the numbers that it is made of, in their order.
struct ExpressionValue {
  int64_t numerator = 0, denominator = 1;  ///< denominator > 0
  std::vector<int64_t> numbers;

  bool is(int64_t whole) const { return denominator == 1 && numerator == whole; }
};

/// Evaluates whole numbers, + - * / (also written × ÷ − · \times \cdot \div) and brackets with the usual precedence, by
/// exact fractions. Nothing if it is no such expression, divides by zero, is nested deeper than 32 or leaves 64 bits.
std::optional<ExpressionValue> evaluate_expression(std::string_view text);

/// The last part of a text that is an expression of `count` numbers, evaluated: "so (3+7)*2 = 20." has one of 3
/// numbers.
std::optional<ExpressionValue> last_expression(std::string_view text, size_t count);

}  // namespace dure

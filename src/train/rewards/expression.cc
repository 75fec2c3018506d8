#include "train/rewards/expression.h"

#include <numeric>
#include <string>
#include <utility>

namespace dure {
namespace {

constexpr int kDeepest = 32;

/// Signs that are written in more than one way.
constexpr std::pair<std::string_view, char> kSpellings[] = {{"\u00d7", '*'}, {"\u00f7", '/'},  {"\u2212", '-'},
                                                            {"\u00b7", '*'}, {"\\times", '*'}, {"\\cdot", '*'},
                                                            {"\\div", '/'},  {"\\left", ' '},  {"\\right", ' '}};

std::string plain_signs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t taken = 1;
    char as = text[0];
    for (const auto& [spelling, sign] : kSpellings)
      if (text.starts_with(spelling)) {
        taken = spelling.size();
        as = sign;
      }
    out += as;
    text.remove_prefix(taken);
  }
  return out;
}

struct Fraction {
  int64_t numerator = 0, denominator = 1;
};

/// Recursive descent: sum = product {(+|-) product}, product = factor {(*|/) factor}, factor = number | ( sum ).
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<ExpressionValue> parse() {
    const Fraction value = sum();
    skip_space();
    if (!good_ || at_ != text_.size()) return std::nullopt;
    return ExpressionValue{value.numerator, value.denominator, std::move(numbers_)};
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  /// Whether one of these signs comes next; if so it is taken.
  char take(std::string_view signs) {
    skip_space();
    return good_ && at_ < text_.size() && signs.find(text_[at_]) != signs.npos ? text_[at_++] : '\0';
  }
  Fraction wrong() {
    good_ = false;
    return {};
  }

  Fraction sum() {
    Fraction left = product();
    while (const char sign = take("+-")) left = combine(left, sign, product());
    return left;
  }
  Fraction product() {
    Fraction left = factor();
    while (const char sign = take("*/")) left = combine(left, sign, factor());
    return left;
  }
  Fraction factor() {
    if (take("(") != '\0') {
      if (++depth_ > kDeepest) return wrong();
      const Fraction inside = sum();
      --depth_;
      return take(")") != '\0' ? inside : wrong();
    }
    skip_space();
    Fraction value;
    const size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value.numerator, 10, &value.numerator) ||
          __builtin_add_overflow(value.numerator, text_[at_] - '0', &value.numerator))
        return wrong();
    if (at_ == begin) return wrong();
    numbers_.push_back(value.numerator);
    return value;
  }

  /// a op b with an overflow noticed; what is reduced after each operation stays small where the result is.
  Fraction combine(Fraction a, char op, Fraction b) {
    bool lost = !good_;
    const auto times = [&](int64_t x, int64_t y) {
      int64_t product = 0;
      lost |= __builtin_mul_overflow(x, y, &product);
      return product;
    };
    Fraction c;
    if (op == '*') {
      c = {times(a.numerator, b.numerator), times(a.denominator, b.denominator)};
    } else if (op == '/') {
      const int64_t sign = b.numerator < 0 ? -1 : 1;
      c = {times(a.numerator, times(sign, b.denominator)), times(a.denominator, times(sign, b.numerator))};
    } else {
      const int64_t left = times(a.numerator, b.denominator), right = times(b.numerator, a.denominator);
      lost |= op == '+' ? __builtin_add_overflow(left, right, &c.numerator)
                        : __builtin_sub_overflow(left, right, &c.numerator);
      c.denominator = times(a.denominator, b.denominator);
    }
    if (lost || c.denominator <= 0 || c.numerator == INT64_MIN) return wrong();
    const int64_t divisor = std::gcd(c.numerator, c.denominator);
    return {c.numerator / divisor, c.denominator / divisor};
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool good_ = true;
  std::vector<int64_t> numbers_;
};

}  // namespace

std::optional<ExpressionValue> evaluate_expression(std::string_view text) { return Parser(plain_signs(text)).parse(); }

std::optional<ExpressionValue> last_expression(std::string_view text, size_t count) {
  constexpr std::string_view kInside = "0123456789+-*/() \t", kEdge = "+-*/ \t";  // "**3+7**" is bold 3+7
  const std::string plain = plain_signs(text);
  std::optional<ExpressionValue> last;
  for (size_t begin = 0; (begin = plain.find_first_of(kInside, begin)) != plain.npos;) {
    const size_t end = std::min(plain.find_first_not_of(kInside, begin), plain.size());
    std::string_view part = std::string_view(plain).substr(begin, end - begin);
    begin = end;
    part.remove_prefix(std::min(part.find_first_not_of(kEdge), part.size()));
    part = part.substr(0, part.find_last_not_of(kEdge) + 1);
    std::optional<ExpressionValue> value = Parser(part).parse();
    if (value && value->numbers.size() == count) last = std::move(value);
  }
  return last;
}

}  // namespace dure

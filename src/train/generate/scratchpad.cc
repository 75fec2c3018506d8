#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "train/generate/arithmetic.h"

namespace dure {
namespace {

/// Writes lines and knows the few words that reasoning needs.
class Pad {
 public:
  explicit Pad(Language language) : korean_(language == Language::ko) {}

  template <class... T>
  void line(fmt::format_string<T...> text, T&&... values) {
    if (!out_.empty()) out_ += '\n';
    fmt::format_to(std::back_inserter(out_), text, std::forward<T>(values)...);
  }
  template <class... T>
  void more(fmt::format_string<T...> text, T&&... values) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<T>(values)...);
  }
  void write(int64_t digit) { korean_ ? more(", {} 쓰기", digit) : more(", write {}", digit); }
  void carry(int64_t digit) { korean_ ? more(", {} 올림", digit) : more(", carry {}", digit); }
  void borrow() { out_ += korean_ ? " 빌림, " : " borrow, "; }
  bool korean() const { return korean_; }
  std::string take() { return std::move(out_); }

  int64_t add(int64_t a, int64_t b);
  int64_t subtract(int64_t a, int64_t b);  // a >= b
  int64_t times_digit(int64_t a, int64_t digit);
  int64_t multiply(int64_t a, int64_t b);
  std::string divide(int64_t a, int64_t b);

 private:
  /// "234 -> 432": the digits as they were written, and the number that they are.
  int64_t turn_around(const std::string& digits) {
    const std::string forward(digits.rbegin(), digits.rend());
    line("{} -> {}", digits, forward);
    const int64_t value = std::stoll(forward);
    if (forward.size() > 1 && forward[0] == '0') more(" = {}", value);
    return value;
  }

  bool korean_;
  std::string out_;
};

int64_t Pad::add(int64_t a, int64_t b) {
  std::string digits;
  for (int64_t carried = 0; a > 0 || b > 0 || carried > 0 || digits.empty(); a /= 10, b /= 10) {
    const int64_t sum = a % 10 + b % 10 + carried;
    line("{}+{}", a % 10, b % 10);
    if (carried > 0) more("+{}", carried);
    more("={}", sum);
    write(sum % 10);
    carried = sum / 10;
    if (carried > 0) carry(carried);
    digits += static_cast<char>('0' + sum % 10);
  }
  return turn_around(digits);
}

int64_t Pad::subtract(int64_t a, int64_t b) {
  std::string digits;
  for (int64_t owed = 0; a > 0 || b > 0 || digits.empty(); a /= 10, b /= 10) {
    int64_t rest = a % 10 - owed - b % 10;
    const auto expression = [&](int64_t top) {
      more("{}", top);
      if (owed > 0) more("-{}", owed);
      more("-{}", b % 10);
    };
    line("");
    expression(a % 10);
    if (rest < 0) {
      borrow();
      expression(a % 10 + 10);
      rest += 10;
      more("={}", rest);
      owed = 1;
    } else {
      more("={}", rest);
      owed = 0;
    }
    write(rest);
    digits += static_cast<char>('0' + rest);
  }
  return turn_around(digits);
}

int64_t Pad::times_digit(int64_t a, int64_t digit) {
  std::string digits;
  int64_t carried = 0;
  do {
    const int64_t product = a % 10 * digit + carried;
    line("{}*{}", a % 10, digit);
    if (carried > 0) more("+{}", carried);
    more("={}", product);
    write(product % 10);
    carried = product / 10;
    if (carried > 0) carry(carried);
    digits += static_cast<char>('0' + product % 10);
    a /= 10;
  } while (a > 0);
  if (carried > 0) {
    line("{}", carried);
    write(carried);
    digits += static_cast<char>('0' + carried);
  }
  return turn_around(digits);
}

int64_t Pad::multiply(int64_t a, int64_t b) {
  if (b < 10) return times_digit(a, b);
  int64_t sum = -1;
  for (int64_t place = 1; b > 0; b /= 10, place *= 10) {
    line("{}*{}:", a, b % 10 * place);
    int64_t part = times_digit(a, b % 10);
    if (place > 1) {
      line("{}*{}={}", part, place, part * place);
      part *= place;
    }
    if (sum >= 0) {
      line("{}+{}:", sum, part);
      sum = add(sum, part);
    } else {
      sum = part;
    }
  }
  return sum;
}

std::string Pad::divide(int64_t a, int64_t b) {
  const std::string digits = std::to_string(a);
  std::string quotient;
  int64_t rest = 0;
  for (const char c : digits) {
    rest = rest * 10 + (c - '0');
    const int64_t q = rest / b;
    line("{}/{}={}, {}*{}={}, {}-{}={}", rest, b, q, q, b, q * b, rest, q * b, rest - q * b);
    rest -= q * b;
    quotient += static_cast<char>('0' + q);
  }
  line("{} = {}", quotient, std::stoll(quotient));
  std::string result = std::to_string(std::stoll(quotient));
  if (rest > 0) result.append(korean_ ? " 나머지 " : " remainder ").append(std::to_string(rest));
  return result;
}

}  // namespace

Scratchpad calculate(int64_t a, char op, int64_t b, Language language) {
  require(a >= 0 && b >= 0 && a <= 1'000'000 && b <= 1'000'000, "calculate: {} {} {} is out of range", a, op, b);
  Pad pad(language);
  std::string result;
  switch (op) {
    case '+': result = std::to_string(pad.add(a, b)); break;
    case '-':
      if (a < b) {
        pad.line("{}<{}: -({}-{})", a, b, b, a);
        result = std::to_string(-pad.subtract(b, a));
      } else {
        result = std::to_string(pad.subtract(a, b));
      }
      break;
    case '*': result = std::to_string(pad.multiply(a, b)); break;
    case '/':
      require(b > 0, "calculate: division by 0");
      result = pad.divide(a, b);
      break;
    default: fail("calculate: there is no operation '{}'", op);
  }
  return {pad.take(), std::move(result)};
}

}  // namespace dure

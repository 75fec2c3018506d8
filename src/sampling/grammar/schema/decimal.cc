#include "sampling/grammar/schema/decimal.h"

#include <charconv>

#include "base/error.h"

namespace dure::grammar {

std::string Decimal::text() const {
  return fmt::format("{}{}{}{}", negative && !is_zero() ? "-" : "", integer, fraction.empty() ? "" : ".", fraction);
}

Decimal parse_decimal(std::string_view number) {
  constexpr int kMaxDigits = 1000;
  Decimal d;
  d.negative = number.substr(0, 1) == "-";
  if (d.negative) number.remove_prefix(1);
  int exponent = 0;
  if (const size_t e = number.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view text = number.substr(e + 1);
    if (text.substr(0, 1) == "+") text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    require(error == std::errc() && exponent >= -kMaxDigits && exponent <= kMaxDigits,
            "the number {} has too many digits", quote(number));
    number = number.substr(0, e);
  }
  const size_t point = number.find('.');
  std::string digits(number.substr(0, point));
  int places = int(digits.size()) + exponent;  // digits before the point
  if (point != std::string_view::npos) digits += number.substr(point + 1);
  require(digits.size() <= kMaxDigits, "the number {} has too many digits", quote(number));
  if (places < 0) digits.insert(0, size_t(-places), '0'), places = 0;
  if (places > int(digits.size())) digits.append(size_t(places) - digits.size(), '0');
  d.integer = digits.substr(0, size_t(places));
  d.fraction = digits.substr(size_t(places));
  d.integer.erase(0, std::min(d.integer.find_first_not_of('0'), d.integer.size()));
  if (d.integer.empty()) d.integer.push_back('0');
  d.fraction.erase(d.fraction.find_last_not_of('0') + 1);
  if (d.is_zero()) d.negative = false;
  return d;
}

}  // namespace dure::grammar

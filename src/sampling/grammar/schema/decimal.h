#pragma once

#include <string>
#include <string_view>

namespace dure::grammar {

/// A number as JSON writes it, exactly: [-] integer [. fraction], without needless zeros.
struct Decimal {
  bool negative = false;
  std::string integer = "0";
  std::string fraction;  ///< may be empty

  bool is_zero() const { return integer == "0" && fraction.empty(); }
  std::string text() const;
};

/// Of a JSON number, exponents included. Throws Error if it has more than a thousand digits when written out.
Decimal parse_decimal(std::string_view number);

}  // namespace dure::grammar

#pragma once

#include <optional>

#include "sampling/grammar/char_dfa.h"
#include "sampling/grammar/schema/decimal.h"

namespace dure::grammar {

// Languages of decimal numbers as JSON writes them, without exponents. Negative zero may be missing.

CharDfa decimals();
CharDfa integers();
CharDfa at_least(const Decimal& bound, bool exclusive);
CharDfa at_most(const Decimal& bound, bool exclusive);
/// None if the automaton would be too large. REQUIRES: divisor > 0.
std::optional<CharDfa> multiples_of(const Decimal& divisor);

}  // namespace dure::grammar

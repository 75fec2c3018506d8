#pragma once

#include <string>

#include "train/generate/choice.h"
#include "train/generate/item.h"

namespace dure {

/// A calculation with numbers of up to four digits, a comparison, a sequence or a word problem, with reasoning that a
/// small model can follow: digit by digit from the ones on, each with what is carried or borrowed. Digits come out in
/// reverse, which is far easier to learn (Lee et al., "Teaching arithmetic to small transformers", 2023).
Item make_arithmetic(Language language, Choice& choice);

/// The steps of a op b, a line for each, the last ending in the result. op is one of + - * /; quotients are whole, with
/// a remainder. Also the result as the answer has it.
/// Throws Error for negative numbers, for division by 0 and for results past 10^12.
struct Scratchpad {
  std::string steps, result;
};
Scratchpad calculate(int64_t a, char op, int64_t b, Language language);

}  // namespace dure

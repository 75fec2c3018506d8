#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// What follows the reasoning: the text after the last </think>, without white space around it. Reasoning that does not
/// end has no answer: "". `in_reasoning`: the prompt itself had opened <think>.
std::string_view after_reasoning(std::string_view text, bool in_reasoning = false);

/// What an answer comes down to: the inside of its last \boxed{}, else what follows its last "####" (as in GSM8K), else
/// all of it.
std::string_view final_answer(std::string_view answer);

/// The numbers of a text, one after the other, each written in one way only, so that they can be compared as strings:
/// "1,234.50" is "1234.5", "-0" is "0", "007" is "7". A minus sign belongs to a number where nothing stands before it
/// that it could be subtracted from: "3-5" is 3 and 5.
std::vector<std::string> numbers_in(std::string_view text);

}  // namespace dure

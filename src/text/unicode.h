#pragma once

#include <string>
#include <string_view>

#include "base/tokenizer_spec.h"

namespace dure {

/// Unicode White_Space, exactly.
bool is_white_space(char32_t c);

/// Letters, marks, decimal digits and connectors: \w.
bool is_word_character(char32_t c);

/// A normalisation form of Unicode (UAX #15). Time is O(n log n) whatever the text. REQUIRES: text is valid UTF-8.
std::string to_unicode_form(std::string_view text, normalizers::UnicodeForm form);

/// Every character by its own full lower-case mapping, without regard to its neighbours.
std::string to_lower_case(std::string_view text);

/// Appends the full case folding of a character (CaseFolding.txt, C and F): what "without regard to case" compares.
void append_case_folded(std::string& out, char32_t c);

}  // namespace dure

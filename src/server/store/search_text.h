#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

// How conversations are searched. Text is compared in NFC with its case folded. A word is found anywhere, also inside
// longer words: "엔진" is in "검색엔진을". To know where to look, each text is indexed by its grams: every single
// character and every two neighbours, white space apart. A text that holds a word holds all grams of the word; most
// other texts do not. What the grams let through is compared with the text itself, so results are exact.

/// NFC, case folded. REQUIRES: valid UTF-8, here and below.
std::string fold_for_search(std::string_view text);

/// The words of a query, split at white space and folded; none twice.
std::vector<std::string> query_words(std::string_view query);

/// One or two neighbouring characters: the first << 21 | the second, or 0 in its place.
using Gram = int64_t;

/// Stands for all grams of a text that has too many different ones: it is always looked into.
constexpr Gram kAnyGram = -1;

/// The different grams of a text, sorted. More than 65 536 (a whole book, or noise) are kAnyGram alone.
std::vector<Gram> grams_of(std::string_view folded);

/// The grams that a text must have to hold the word: its pairs, or the one character.
std::vector<Gram> grams_of_word(std::string_view folded_word);

/// The text around the first place where the word stands, white space as single spaces, "…" where it was cut: at most
/// 160 characters. None if the word is not there.
std::optional<std::string> snippet_around(std::string_view text, std::string_view folded_word);

}  // namespace dure

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace dure {

/// What a reader takes for one character (extended grapheme cluster, UAX #29): a Hangul syllable, also as a sequence of
/// jamo, a letter with its accents, an emoji with all that is joined to it.
struct Grapheme {
  size_t begin, end;  ///< bytes of the text
  int width;          ///< cells of a terminal: 0, 1 or 2
};

/// The clusters of a text, in order and without gaps. Bytes that are not UTF-8 count as U+FFFD. A control character,
/// line breaks included, is a cluster of width 0.
std::vector<Grapheme> graphemes(std::string_view text);

/// Cells that the text takes on one line.
int display_width(std::string_view text);

}  // namespace dure

#pragma once

#include <string>
#include <string_view>

#include "text/marked_text.h"

namespace dure::jinja {

/// What Python's str methods hold of single characters.
bool is_space(char32_t c);
bool is_printable(char32_t c);
bool is_cased(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_alpha(char32_t c);
bool is_digit(char32_t c);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// The first letter of each word in title case, the others in lower case.
MarkedText title(const MarkedText& text);
/// The first character in title case, the others in lower case.
MarkedText capitalize(const MarkedText& text);

/// Positions in text counted by code point, as Python counts them.
size_t count_characters(std::string_view text);
/// Byte offset of the given character; text.size() if there are fewer.
size_t byte_offset(std::string_view text, size_t character);

/// Length in bytes of the leading / trailing characters for which `strip` holds.
template <class Predicate>
size_t leading(std::string_view text, Predicate strip);
template <class Predicate>
size_t trailing(std::string_view text, Predicate strip);

/// A copy with each stretch of equal trust rewritten by map(std::string_view) -> std::string.
template <class Map>
MarkedText map_pieces(const MarkedText& text, Map map) {
  MarkedText out;
  text.for_each_piece([&](std::string_view piece, bool trusted) { out.append(map(piece), trusted); });
  return out;
}

}  // namespace dure::jinja

#include "base/utf8.h"

namespace dure::jinja {

template <class Predicate>
size_t leading(std::string_view text, Predicate strip) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!strip(next_utf8(text, next))) break;
    at = next;
  }
  return at;
}

template <class Predicate>
size_t trailing(std::string_view text, Predicate strip) {
  size_t end = text.size();
  while (end > 0) {
    size_t at = end - 1;
    while (at > 0 && end - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    size_t next = at;
    char32_t c = next_utf8(text, next);
    if (next != end) at = end - 1, c = kReplacementCharacter;  // a stray byte
    if (!strip(c)) break;
    end = at;
  }
  return text.size() - end;
}

}  // namespace dure::jinja

#include "text/jinja/characters.h"

#include <utf8proc.h>

#include <algorithm>

namespace dure::jinja {
namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

char32_t to_lower(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }
char32_t to_title(char32_t c) { return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))); }

/// Calls visit(character, begin, end) for every character.
template <class Visit>
void for_each_character(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_utf8(text, at);
    visit(c, begin, at);
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// Title-cases a character after a non-letter (or, for capitalize, at the start) and lower-cases the others. State runs
/// across pieces, so that the marks do not change the result.
template <class StartsWord>
MarkedText recase(const MarkedText& text, StartsWord starts_word) {
  bool start = true;
  return map_pieces(text, [&](std::string_view piece) {
    std::string out;
    for_each_character(piece, [&](char32_t c, size_t, size_t) {
      if (start && c == U'ß') {
        out += "Ss";
      } else {
        append_utf8(out, start ? to_title(c) : to_lower(c));
      }
      start = starts_word(c);
    });
    return out;
  });
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7F;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
  }
}

bool is_upper(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL; }
bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT; }
bool is_alpha(char32_t c) {
  return is_cased(c) || category(c) == UTF8PROC_CATEGORY_LM || category(c) == UTF8PROC_CATEGORY_LO;
}
bool is_digit(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

std::string upper(std::string_view text) {
  std::string out;
  for_each_character(text, [&](char32_t c, size_t, size_t) {
    if (c == U'ß') {
      out += "SS";  // the one common letter whose capital is two
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
    }
  });
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  for_each_character(text, [&](char32_t c, size_t, size_t) { append_utf8(out, to_lower(c)); });
  return out;
}

MarkedText title(const MarkedText& text) {
  return recase(text, [](char32_t c) { return !is_cased(c); });
}

MarkedText capitalize(const MarkedText& text) {
  return recase(text, [](char32_t) { return false; });
}

size_t count_characters(std::string_view text) {
  if (is_ascii(text)) return text.size();
  size_t n = 0;
  for_each_character(text, [&](char32_t, size_t, size_t) { ++n; });
  return n;
}

size_t byte_offset(std::string_view text, size_t character) {
  size_t at = 0;
  for (; character > 0 && at < text.size(); --character) next_utf8(text, at);
  return at;
}

}  // namespace dure::jinja

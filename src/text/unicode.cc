#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"

namespace dure {
namespace {

using normalizers::UnicodeForm;

/// Characters that no form changes and that compose with nothing before them, so that text of these alone is done.
/// Most text is: ASCII, Hangul syllables and Chinese characters.
bool is_inert(char32_t c, UnicodeForm form) {
  if (c < 0x80) return true;
  if (form == UnicodeForm::nfd || form == UnicodeForm::nfkd) return c >= 0x4E00 && c <= 0x9FFF;
  if (c < 0x300) return form == UnicodeForm::nfc;
  return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x4E00 && c <= 0x9FFF);
}

bool is_done(std::string_view text, UnicodeForm form) {
  for (size_t at = 0; at < text.size();)
    if (!is_inert(next_utf8(text, at), form)) return false;
  return true;
}

int combining_class(char32_t c) { return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class; }

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return false;
  }
}

std::string to_unicode_form(std::string_view text, UnicodeForm form) {
  if (is_done(text, form)) return std::string(text);

  const bool compose = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const bool compat = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (compat ? UTF8PROC_COMPAT : 0) |
                                                      (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE));
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t parts[32];  // no character of Unicode has more than 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(next_utf8(text, at)), parts,
                                               std::size(parts), options, &boundary);
    DURE_ASSERT(count >= 0 && count <= static_cast<utf8proc_ssize_t>(std::size(parts)));
    characters.insert(characters.end(), parts, parts + std::max<utf8proc_ssize_t>(count, 0));
  }
  // Canonical order by a real sort: utf8proc_decompose would need quadratic time for a long row of marks.
  for (auto it = characters.begin(); it != characters.end();) {
    const auto mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
    const auto first = std::find_if(it, characters.end(), mark);
    it = std::find_if_not(first, characters.end(), mark);
    std::stable_sort(first, it, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
  }
  const auto length = compose ? utf8proc_normalize_utf32(characters.data(), characters.size(), options)
                              : static_cast<utf8proc_ssize_t>(characters.size());
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < length; ++i) append_utf8(out, static_cast<char32_t>(characters[i]));
  return out;
}

std::string to_lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_utf8(text, at);
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    if (c == 0x130) append_utf8(out, 0x307);  // İ, the one character with two lower-case characters
  }
  return out;
}

void append_case_folded(std::string& out, char32_t c) {
  utf8proc_int32_t parts[8];  // no character has more than 3
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, std::size(parts), UTF8PROC_CASEFOLD, &boundary);
  DURE_ASSERT(count >= 0 && count <= static_cast<utf8proc_ssize_t>(std::size(parts)));
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(out, static_cast<char32_t>(parts[i]));
}

}  // namespace dure

#include "text/graphemes.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"

namespace dure {
namespace {

constexpr char32_t kEmojiPresentation = 0xFE0F;  // asks for the wide, coloured form of the character before it

int cells(char32_t c) {
  if (utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_CC) return 0;
  if (c >= 0x1F1E6 && c <= 0x1F1FF) return 2;  // regional indicators: two of them are one flag
  return std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)));
}

}  // namespace

std::vector<Grapheme> graphemes(std::string_view text) {
  std::vector<Grapheme> clusters;
  utf8proc_int32_t state = 0;
  char32_t last = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_utf8(text, at);
    const bool breaks = clusters.empty() || utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last),
                                                                             static_cast<utf8proc_int32_t>(c), &state);
    if (breaks) clusters.push_back({begin, begin, 0});
    Grapheme& cluster = clusters.back();
    cluster.end = at;
    // Terminals that know clusters draw one in the cells of its widest part.
    cluster.width = std::max(cluster.width, c == kEmojiPresentation && cluster.width == 1 ? 2 : cells(c));
    last = c;
  }
  return clusters;
}

int display_width(std::string_view text) {
  int width = 0;
  for (const Grapheme& g : graphemes(text)) width += g.width;
  return width;
}

}  // namespace dure

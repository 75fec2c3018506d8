#pragma once

#include <string_view>
#include <vector>

#include "text/marked_text.h"

namespace dure::jinja {

/// Operations that filters and string methods share. All keep the marks.

enum Sides { kLeft = 1, kRight = 2, kBoth = 3 };

/// Without the characters of `what` (null: white space) at the given sides.
MarkedText strip(const MarkedText& text, const MarkedText* what, Sides sides);

/// With up to `limit` (< 0: all) occurrences of `from` replaced.
MarkedText replace(const MarkedText& text, const MarkedText& from, const MarkedText& to, int64_t limit);

/// Parts between occurrences of the separator (null: runs of white space), at most `limit` cuts (< 0: all).
std::vector<MarkedText> split(const MarkedText& text, const MarkedText* separator, int64_t limit);
std::vector<MarkedText> split_from_right(const MarkedText& text, const MarkedText* separator, int64_t limit);

std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends);

}  // namespace dure::jinja

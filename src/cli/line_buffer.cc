#include "cli/line_buffer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/graphemes.h"
#include "text/unicode.h"

namespace dure {
namespace {

constexpr int kTab = 4;

bool is_blank(std::string_view text, const Grapheme& g) {
  size_t at = g.begin;
  return is_white_space(next_utf8(text, at));
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x20 ? c != 0x7F : c == '\n' || c == '\t') out += c;
  return sanitize_utf8(out);
}

size_t line_begin(std::string_view text, size_t at) {
  const size_t found = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return found == std::string_view::npos ? 0 : found + 1;
}

size_t line_end(std::string_view text, size_t at) { return std::min(text.find('\n', at), text.size()); }

}  // namespace

void LineBuffer::assign(std::string text) {
  text_.clear();
  cursor_ = 0;
  insert(text);
}

void LineBuffer::insert(std::string_view text) {
  // A jamo or an accent may compose with the character before the cursor.
  const size_t begin = left_of(Unit::grapheme);
  const std::string composed =
      to_unicode_form(text_.substr(begin, cursor_ - begin) + without_controls(text), normalizers::UnicodeForm::nfc);
  text_.replace(begin, cursor_ - begin, composed);
  cursor_ = begin + composed.size();
}

size_t LineBuffer::left_of(Unit unit) const {
  const size_t begin = line_begin(text_, cursor_);
  if (unit == Unit::line) return begin;
  if (begin == cursor_) return begin == 0 ? 0 : begin - 1;  // the line break
  const std::string_view line = std::string_view(text_).substr(begin, cursor_ - begin);
  const std::vector<Grapheme> clusters = graphemes(line);
  size_t i = clusters.size() - 1;
  if (unit == Unit::word) {
    while (i > 0 && is_blank(line, clusters[i])) --i;
    while (i > 0 && !is_blank(line, clusters[i - 1])) --i;
  }
  return begin + clusters[i].begin;
}

size_t LineBuffer::right_of(Unit unit) const {
  const size_t end = line_end(text_, cursor_);
  if (unit == Unit::line) return end;
  if (end == cursor_) return std::min(end + 1, text_.size());
  const std::string_view line = std::string_view(text_).substr(cursor_, end - cursor_);
  const std::vector<Grapheme> clusters = graphemes(line);
  size_t i = 0;
  if (unit == Unit::word) {
    while (i + 1 < clusters.size() && is_blank(line, clusters[i])) ++i;
    while (i + 1 < clusters.size() && !is_blank(line, clusters[i + 1])) ++i;
  }
  return cursor_ + clusters[i].end;
}

bool LineBuffer::move_to_line(size_t begin) {
  const size_t current = line_begin(text_, cursor_);
  const int column = display_width(std::string_view(text_).substr(current, cursor_ - current));
  const std::string_view line = std::string_view(text_).substr(begin, line_end(text_, begin) - begin);
  int passed = 0;
  cursor_ = begin;
  for (const Grapheme& g : graphemes(line)) {
    if (passed + g.width > column) break;
    passed += g.width;
    cursor_ = begin + g.end;
  }
  return true;
}

bool LineBuffer::move_up() {
  const size_t begin = line_begin(text_, cursor_);
  return begin > 0 && move_to_line(line_begin(text_, begin - 1));
}

bool LineBuffer::move_down() {
  const size_t end = line_end(text_, cursor_);
  return end < text_.size() && move_to_line(end + 1);
}

void LineBuffer::erase_left(Unit unit) { erase(left_of(unit), cursor_, unit != Unit::grapheme); }

void LineBuffer::erase_right(Unit unit) { erase(cursor_, right_of(unit), unit != Unit::grapheme); }

void LineBuffer::erase(size_t begin, size_t end, bool keep) {
  if (begin == end) return;
  if (keep) killed_ = text_.substr(begin, end - begin);
  text_.erase(begin, end - begin);
  cursor_ = begin;
}

ScreenText lay_out(std::string_view prompt, const LineBuffer& buffer, int width) {
  ScreenText screen;
  const int indent = std::min(display_width(prompt), width / 2);
  screen.rows.emplace_back(prompt);
  int column = display_width(prompt);
  const auto new_row = [&](int indentation) {
    screen.rows.emplace_back(static_cast<size_t>(indentation), ' ');
    column = indentation;
  };
  const auto mark_cursor = [&] {
    screen.cursor_row = static_cast<int>(screen.rows.size()) - 1;
    screen.cursor_column = column;
  };
  const std::string_view text = buffer.text();
  for (const Grapheme& g : graphemes(text)) {
    const std::string_view cluster = text.substr(g.begin, g.end - g.begin);
    const int cells = cluster == "\t" ? kTab : g.width;
    // The cursor stands on the character that follows it, wherever that wraps to.
    if (cluster != "\n" && column + cells > width) new_row(0);
    if (g.begin == buffer.cursor()) {
      if (column == width) new_row(0);
      mark_cursor();
    }
    if (cluster == "\n") {
      new_row(indent);
    } else {
      screen.rows.back() += cluster == "\t" ? std::string(kTab, ' ') : std::string(cluster);
      column += cells;
    }
  }
  if (buffer.cursor() == text.size()) {
    if (column == width) new_row(0);
    mark_cursor();
  }
  return screen;
}

}  // namespace dure

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// The text that is being typed, with its cursor. Moves and erases whole graphemes; what is put in is normalised to
/// NFC, so that a syllable typed in jamo is one character to the model too. Always valid UTF-8. The text may have
/// several lines.
class LineBuffer {
 public:
  const std::string& text() const { return text_; }
  size_t cursor() const { return cursor_; }  ///< a byte offset between two graphemes
  bool empty() const { return text_.empty(); }

  /// Replaces everything; the cursor goes to the end.
  void assign(std::string text);
  /// At the cursor. Control characters but tab and line break are dropped.
  void insert(std::string_view text);

  enum class Unit { grapheme, word, line };
  void move_left(Unit unit) { cursor_ = left_of(unit); }
  void move_right(Unit unit) { cursor_ = right_of(unit); }
  void move_to_end() { cursor_ = text_.size(); }
  /// To the line above or below, as near to the column of the cursor as may be. False if there is none.
  bool move_up();
  bool move_down();
  /// Erases from the cursor to where the same move would go. What words and lines lose can be put back by yank().
  void erase_left(Unit unit);
  void erase_right(Unit unit);
  void yank() { insert(killed_); }

 private:
  size_t left_of(Unit unit) const;
  size_t right_of(Unit unit) const;
  bool move_to_line(size_t begin);
  void erase(size_t begin, size_t end, bool keep);

  std::string text_, killed_;
  size_t cursor_ = 0;
};

/// A text as it lies on a terminal.
struct ScreenText {
  std::vector<std::string> rows;
  int cursor_row = 0, cursor_column = 0;
};

/// Lays `prompt` and the buffer out on rows of `width` cells; a character of two cells is never cut. Lines after the
/// first are indented as far as the prompt is wide. REQUIRES: width >= 4.
ScreenText lay_out(std::string_view prompt, const LineBuffer& buffer, int width);

}  // namespace dure

#pragma once

#include <string>

#include "cli/history.h"
#include "cli/keys.h"
#include "cli/line_buffer.h"
#include "cli/terminal.h"

namespace dure {

/// Reads messages from the keyboard. Moves and erases whole characters, also Hangul in jamo and joined emoji, wraps
/// them by their width, keeps a history, takes a paste of many lines as one message. A line that ends in a backslash,
/// or Alt-Enter, goes on in the next. REQUIRES: is_interactive().
class LineEditor {
 public:
  /// REQUIRES: both outlive this.
  LineEditor(Terminal& terminal, History& history) : terminal_(terminal), history_(history) {}

  enum class Outcome {
    message,      ///< Enter
    interrupted,  ///< Ctrl-C on an empty line; on any other it clears the line
    end           ///< Ctrl-D on an empty line, or the terminal is gone
  };
  struct Line {
    Outcome outcome;
    std::string text;
  };
  /// The terminal is quiet again afterwards. `prompt` is one line without control sequences; `style` is written before
  /// it, and reset after it.
  Line read(const std::string& prompt, const std::string& style);

 private:
  Line read_line();
  KeyPress next_key();
  void edit(const KeyPress& press);
  void recall(int step);
  bool continues();
  void redraw();
  void leave_text();

  Terminal& terminal_;
  History& history_;
  KeyDecoder decoder_;  // keeps what was typed ahead
  LineBuffer buffer_;
  std::string prompt_, style_, draft_;  // draft_: what was typed before history was looked through
  size_t recalled_ = 0;                 // entry of the history; its size: the draft
  int drawn_row_ = 0;                   // row of the cursor, counted from the first row drawn
};

}  // namespace dure

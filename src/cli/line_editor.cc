#include "cli/line_editor.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace dure {
namespace {

constexpr int kEscapeWaitMs = 50;

}  // namespace

LineEditor::Line LineEditor::read(const std::string& prompt, const std::string& style) {
  terminal_.use(Terminal::keys);
  prompt_ = prompt;
  style_ = style;
  buffer_.assign("");
  draft_.clear();
  recalled_ = history_.entries().size();
  drawn_row_ = 0;
  Line line = read_line();
  terminal_.use(Terminal::quiet);
  return line;
}

LineEditor::Line LineEditor::read_line() {
  redraw();
  for (;;) {
    const KeyPress press = next_key();
    switch (press.key) {
      case Key::enter:
        if (continues()) break;
        leave_text();
        history_.add(buffer_.text());
        return {Outcome::message, buffer_.text()};
      case Key::interrupt:
        leave_text();
        if (buffer_.empty()) return {Outcome::interrupted, ""};
        buffer_.assign("");
        drawn_row_ = 0;
        break;
      case Key::end_of_file:
        if (buffer_.empty()) {
          leave_text();
          return {Outcome::end, ""};
        }
        buffer_.erase_right(LineBuffer::Unit::grapheme);
        break;
      case Key::suspend:
        leave_text();
        terminal_.suspend();
        drawn_row_ = 0;
        break;
      case Key::clear_screen:
        write_out("\x1b[H\x1b[2J");
        drawn_row_ = 0;
        break;
      default: edit(press);
    }
    redraw();
  }
}

KeyPress LineEditor::next_key() {
  for (;;) {
    if (auto press = decoder_.next(false)) return std::move(*press);
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, decoder_.waits() ? kEscapeWaitMs : -1);
    if (ready < 0) return {Key::redraw};
    if (ready == 0) {
      if (auto press = decoder_.next(true)) return std::move(*press);
      continue;
    }
    std::array<char, 4096> bytes;
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n > 0) {
      decoder_.feed({bytes.data(), static_cast<size_t>(n)});
    } else if (n == 0 || errno != EINTR) {
      buffer_.assign("");
      return {Key::end_of_file};
    }
  }
}

void LineEditor::edit(const KeyPress& press) {
  using Unit = LineBuffer::Unit;
  switch (press.key) {
    case Key::text:
    case Key::paste: buffer_.insert(press.text); break;
    case Key::line_break: buffer_.insert("\n"); break;
    case Key::left: buffer_.move_left(Unit::grapheme); break;
    case Key::right: buffer_.move_right(Unit::grapheme); break;
    case Key::word_left: buffer_.move_left(Unit::word); break;
    case Key::word_right: buffer_.move_right(Unit::word); break;
    case Key::home: buffer_.move_left(Unit::line); break;
    case Key::end: buffer_.move_right(Unit::line); break;
    case Key::erase_left: buffer_.erase_left(Unit::grapheme); break;
    case Key::erase_right: buffer_.erase_right(Unit::grapheme); break;
    case Key::erase_word_left: buffer_.erase_left(Unit::word); break;
    case Key::erase_word_right: buffer_.erase_right(Unit::word); break;
    case Key::erase_to_start: buffer_.erase_left(Unit::line); break;
    case Key::erase_to_end: buffer_.erase_right(Unit::line); break;
    case Key::yank: buffer_.yank(); break;
    case Key::up:
      if (!buffer_.move_up()) recall(-1);
      break;
    case Key::down:
      if (!buffer_.move_down()) recall(+1);
      break;
    default: break;
  }
}

void LineEditor::recall(int step) {
  const std::vector<std::string>& entries = history_.entries();
  if (step < 0 ? recalled_ == 0 : recalled_ == entries.size()) return;
  if (recalled_ == entries.size()) draft_ = buffer_.text();
  recalled_ += static_cast<size_t>(step);
  buffer_.assign(recalled_ == entries.size() ? draft_ : entries[recalled_]);
}

/// A backslash at the very end asks for another line.
bool LineEditor::continues() {
  if (buffer_.cursor() != buffer_.text().size() || !buffer_.text().ends_with('\\')) return false;
  buffer_.erase_left(LineBuffer::Unit::grapheme);
  buffer_.insert("\n");
  return true;
}

void LineEditor::redraw() {
  const TerminalSize size = terminal_size();
  ScreenText screen = lay_out(prompt_, buffer_, std::max(size.columns, 4));
  // Of a text taller than the window, the rows around the cursor.
  const int rows = static_cast<int>(screen.rows.size()), shown = std::min(rows, std::max(size.rows, 1));
  const int first = std::clamp(screen.cursor_row - shown / 2, 0, rows - shown);

  std::string out;
  if (drawn_row_ > 0) out += fmt::format("\x1b[{}A", drawn_row_);
  out += "\r\x1b[J";
  for (int row = first; row < first + shown; ++row) {
    std::string& text = screen.rows[static_cast<size_t>(row)];
    if (row == 0 && !style_.empty()) text = style_ + prompt_ + "\x1b[0m" + text.substr(prompt_.size());
    if (row > first) out += '\n';
    out += text;
  }
  drawn_row_ = screen.cursor_row - first;
  if (const int up = shown - 1 - drawn_row_; up > 0) out += fmt::format("\x1b[{}A", up);
  out += '\r';
  if (screen.cursor_column > 0) out += fmt::format("\x1b[{}C", screen.cursor_column);
  write_out(out);
}

/// Puts the terminal's cursor on the line after the text.
void LineEditor::leave_text() {
  buffer_.move_to_end();
  redraw();
  write_out("\n");
}

}  // namespace dure

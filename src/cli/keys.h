#pragma once

#include <optional>
#include <string>

namespace dure {

/// What was pressed. Keys that mean nothing here are `none`.
enum class Key {
  none,
  text,   ///< characters to put in
  paste,  ///< a text that was pasted in one piece
  enter,
  line_break,  ///< Alt-Enter
  left,
  right,
  word_left,
  word_right,
  up,
  down,
  home,
  end,
  erase_left,
  erase_right,
  erase_word_left,
  erase_word_right,
  erase_to_start,
  erase_to_end,
  yank,
  clear_screen,
  interrupt,    ///< Ctrl-C
  end_of_file,  ///< Ctrl-D
  suspend,      ///< Ctrl-Z
  redraw        ///< the window changed
};

struct KeyPress {
  Key key;
  std::string text = {};  ///< of Key::text and Key::paste
};

/// Turns the bytes of a terminal (xterm's sequences and those of its kin) into keys.
class KeyDecoder {
 public:
  void feed(std::string_view bytes) { pending_ += bytes; }
  /// The next key, or nothing while its bytes are incomplete. `waited`: no more came for a while, so that an Escape
  /// stands for itself.
  std::optional<KeyPress> next(bool waited);
  /// Bytes of an unfinished key are held.
  bool waits() const { return !pending_.empty(); }

 private:
  std::optional<KeyPress> escape(bool waited);
  std::optional<KeyPress> pasted();
  KeyPress take(size_t bytes, Key key);

  std::string pending_;
};

}  // namespace dure

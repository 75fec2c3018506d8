#pragma once

#include <string_view>

namespace dure {

/// Whether this program talks with a person: standard input and output are both terminals.
bool is_interactive();

struct TerminalSize {
  int columns, rows;
};
/// Of standard output; 80 by 24 where it does not say.
TerminalSize terminal_size();

/// Writes all of it to standard output at once. Throws Error if nobody reads any more.
void write_out(std::string_view text);

/// The terminal of a conversation, given back as it was found when this goes, and by every signal that ends or stops
/// the program. One at a time.
class Terminal {
 public:
  enum Mode {
    quiet,  ///< what is typed waits unseen; Ctrl-C is a signal
    keys    ///< every key is a byte to read, Ctrl-C too; pasted text arrives in brackets
  };
  /// Begins quiet. Throws Error if standard input is no terminal.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// What was typed ahead is kept.
  void use(Mode mode);
  /// Stops the program as Ctrl-Z does; returns, in the same mode, once it goes on.
  void suspend();

 private:
  Mode mode_ = quiet;
};

/// Notes Ctrl-C while it lives: the first asks to stop, a second one leaves the program at once with exit code 130.
/// Without it Ctrl-C ends the program. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const;
};

}  // namespace dure

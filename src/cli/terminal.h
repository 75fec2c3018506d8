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

/// A terminal mode for as long as the object lives. A signal that ends or stops the program restores the terminal too.
/// One at a time.
class TerminalMode {
 public:
  enum Kind {
    keys,  ///< every key is a byte to read, Ctrl-C too; pasted text arrives in brackets
    quiet  ///< what is typed waits unseen; Ctrl-C is a signal
  };
  explicit TerminalMode(Kind kind);
  ~TerminalMode();
  TerminalMode(const TerminalMode&) = delete;
  TerminalMode& operator=(const TerminalMode&) = delete;

  /// Stops the program as Ctrl-Z does, with the terminal as it was; returns once it goes on.
  void suspend();

 private:
  void enter();
  void leave();
  Kind kind_;
};

/// Notes Ctrl-C while it lives: the first asks to stop, a second one leaves the program at once with exit code 130.
/// One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const;
};

}  // namespace dure

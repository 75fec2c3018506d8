#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace dure {
namespace {

constexpr std::string_view kPasteOn = "\x1b[?2004h", kPasteOff = "\x1b[?2004l", kReset = "\x1b[?2004l\x1b[0m";
constexpr int kEndingSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// What signal handlers read and write. The terminal is one per process, and so is this.
termios original_mode;
std::atomic<bool> mode_changed = false;
std::atomic<int> interrupts = 0;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

/// Only calls that signal handlers may make.
void restore_terminal() {
  if (!mode_changed.exchange(false)) return;
  [[maybe_unused]] const ssize_t n = ::write(STDOUT_FILENO, kReset.data(), kReset.size());
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &original_mode);
}

void on_ending_signal(int number) {
  restore_terminal();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void on_interrupt(int) {
  if (++interrupts < 2) return;
  restore_terminal();
  [[maybe_unused]] const ssize_t n = ::write(STDOUT_FILENO, "\n", 1);
  ::_exit(130);
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);  // without SA_RESTART: a read that waits for keys must notice
}

}  // namespace

bool is_interactive() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0; }

TerminalSize terminal_size() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {80, 24};
  return {size.ws_col, size.ws_row == 0 ? 24 : size.ws_row};
}

void write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, "standard output: {}", std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(n));
  }
}

Terminal::Terminal() {
  require(::tcgetattr(STDIN_FILENO, &original_mode) == 0, "the terminal does not tell its mode: {}",
          std::strerror(errno));
  for (const int number : kEndingSignals) handle(number, on_ending_signal);
  handle(SIGWINCH, [](int) {});  // only so that a read returns and the line is laid out anew
  use(quiet);
}

Terminal::~Terminal() {
  restore_terminal();
  for (const int number : kEndingSignals) handle(number, SIG_DFL);
  handle(SIGWINCH, SIG_DFL);
}

void Terminal::use(Mode mode) {
  mode_ = mode;
  termios changed = original_mode;
  changed.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
  if (mode == keys) {
    changed.c_lflag &= ~static_cast<tcflag_t>(ISIG | IEXTEN);
    changed.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR | ISTRIP);
  }
  changed.c_cc[VMIN] = 1;
  changed.c_cc[VTIME] = 0;
  mode_changed = true;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &changed);
  write_out(mode == keys ? kPasteOn : kPasteOff);
}

void Terminal::suspend() {
  restore_terminal();
  std::raise(SIGTSTP);
  use(mode_);
}

InterruptGuard::InterruptGuard() {
  interrupts = 0;
  handle(SIGINT, on_interrupt);
}

InterruptGuard::~InterruptGuard() { handle(SIGINT, on_ending_signal); }

bool InterruptGuard::interrupted() const { return interrupts > 0; }

}  // namespace dure

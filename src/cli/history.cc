#include "cli/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace dure {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

// One entry per line: a line break inside is "\n", a backslash "\\".
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\n";
}

std::string unescaped(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      out += line[i];
    } else {
      ++i;
      out += line[i] == 'n' ? '\n' : line[i];
    }
  }
  return out;
}

/// False if it cannot be written.
bool write_private(const std::filesystem::path& path, int flags, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return ::close(file) == 0 && written;
}

}  // namespace

History::History(std::filesystem::path file) : file_(std::move(file)) {
  if (file_.empty()) return;
  std::string text;
  try {
    text = read_file(file_, kMaxBytes);
  } catch (const Error&) {
    return;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) entries_.push_back(sanitize_utf8(unescaped(std::string_view(text).substr(at, end - at))));
    at = end + 1;
  }
  const bool too_long = entries_.size() > 2 * kMaxEntries;
  if (entries_.size() > kMaxEntries)
    entries_.erase(entries_.begin(), entries_.end() - static_cast<std::ptrdiff_t>(kMaxEntries));
  if (too_long) rewrite();
}

void History::add(const std::string& text) {
  if (text.empty() || (!entries_.empty() && entries_.back() == text)) return;
  entries_.push_back(text);
  if (!file_.empty()) write_private(file_, O_APPEND, escaped(text));
}

void History::rewrite() const {
  std::string all;
  for (const std::string& entry : entries_) all += escaped(entry);
  const std::filesystem::path temporary = file_.string() + ".tmp" + std::to_string(::getpid());
  if (!write_private(temporary, O_TRUNC, all) || ::rename(temporary.c_str(), file_.c_str()) != 0)
    ::unlink(temporary.c_str());
}

std::filesystem::path default_history_file() {
  std::filesystem::path state;
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && xdg[0] == '/') {
    state = xdg;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
    state = std::filesystem::path(home) / ".local" / "state";
  } else {
    return {};
  }
  std::error_code ignored;
  std::filesystem::create_directories(state, ignored);
  ::mkdir((state / "dure").c_str(), 0700);
  return state / "dure" / "history";
}

}  // namespace dure

#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dure {

/// What was typed before, oldest first, kept in a file that only its owner can read. A file that cannot be read or
/// written is done without, silently: history is a comfort.
class History {
 public:
  static constexpr size_t kMaxEntries = 1000;

  /// An empty path: nothing is kept.
  explicit History(std::filesystem::path file);

  const std::vector<std::string>& entries() const { return entries_; }
  /// Empty texts and repetitions of the last entry are left out.
  void add(const std::string& text);

 private:
  void rewrite() const;

  std::filesystem::path file_;
  std::vector<std::string> entries_;
};

/// $XDG_STATE_HOME/dure/history or ~/.local/state/dure/history, its folders made private; empty if there is no home.
std::filesystem::path default_history_file();

}  // namespace dure

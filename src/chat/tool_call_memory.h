#pragma once

#include <chrono>
#include <filesystem>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace dure {

/// A new id of a call: "call_" and 24 letters and digits, 142 bits that nobody can guess.
std::string new_call_id();

/// What the model sampled, byte for byte, when it called tools. Clients send calls back as JSON, from which another
/// text would be rendered: other blanks, another order, other escapes; with the sampled text the prompt is the one
/// that lies in the prefix cache. Bounded: the calls that were not asked for the longest are forgotten first.
/// With a file, the last 4 MiB of them outlast the program. Thread-safe.
class ToolCallMemory {
 public:
  /// `file`: read here and written by save(); empty: there is none. One that is missing or broken holds no calls: what
  /// is not known is rendered anew, which is slower, never wrong.
  explicit ToolCallMemory(size_t max_bytes = size_t{16} << 20, std::filesystem::path file = {});
  ~ToolCallMemory() { save(Clock::duration::zero()); }
  ToolCallMemory(const ToolCallMemory&) = delete;

  /// `text`: AnswerParser::calls_text() of an answer with calls of these ids, in their order. Empty text is ignored.
  void remember(std::vector<std::string> ids, std::string text);
  /// The text of the answer that made exactly these calls in this order; empty if it is not known.
  std::string recall(std::span<const std::string> ids);

  using Clock = std::chrono::steady_clock;
  /// Writes the file if calls have come since then and it is as old as `age`. A disk that is full keeps nothing.
  void save(Clock::duration age);

 private:
  struct Entry {
    std::vector<std::string> ids;
    std::string text;
    size_t bytes() const;
  };
  using Entries = std::list<Entry>;  // the one asked for last stands first

  std::string file_text() const;  ///< REQUIRES: the lock

  std::mutex mutex_, saving_;  // the second is taken first
  const size_t max_bytes_;
  const std::filesystem::path file_;
  size_t bytes_ = 0;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_first_id_;
  bool unsaved_ = false;
  Clock::time_point saved_at_ = Clock::now();
};

}  // namespace dure

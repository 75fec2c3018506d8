#pragma once

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
/// Thread-safe.
class ToolCallMemory {
 public:
  explicit ToolCallMemory(size_t max_bytes = size_t{16} << 20) : max_bytes_(max_bytes) {}

  /// `text`: AnswerParser::calls_text() of an answer with calls of these ids, in their order. Empty text is ignored.
  void remember(std::vector<std::string> ids, std::string text);
  /// The text of the answer that made exactly these calls in this order; empty if it is not known.
  std::string recall(std::span<const std::string> ids);

 private:
  struct Entry {
    std::vector<std::string> ids;
    std::string text;
    size_t bytes() const;
  };
  using Entries = std::list<Entry>;  // the one asked for last stands first

  std::mutex mutex_;
  const size_t max_bytes_;
  size_t bytes_ = 0;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_first_id_;
};

}  // namespace dure

#include "chat/tool_call_memory.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

namespace dure {

std::string new_call_id() {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device random;  // the system's, not a generator that a few ids would give away
  std::uniform_int_distribution<size_t> letter(0, kAlphabet.size() - 1);
  std::string id = "call_";
  for (int i = 0; i < 24; ++i) id += kAlphabet[letter(random)];
  return id;
}

size_t ToolCallMemory::Entry::bytes() const {
  size_t bytes = sizeof(Entry) + text.size();
  for (const std::string& id : ids) bytes += 2 * id.size() + 64;
  return bytes;
}

void ToolCallMemory::remember(std::vector<std::string> ids, std::string text) {
  if (ids.empty() || text.empty()) return;
  Entry entry{std::move(ids), std::move(text)};
  const std::lock_guard lock(mutex_);
  if (entry.bytes() > max_bytes_ || by_first_id_.contains(entry.ids[0])) return;
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
  by_first_id_[entries_.front().ids[0]] = entries_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes();
    by_first_id_.erase(entries_.back().ids[0]);
    entries_.pop_back();
  }
}

std::string ToolCallMemory::recall(std::span<const std::string> ids) {
  if (ids.empty()) return "";
  const std::lock_guard lock(mutex_);
  const auto found = by_first_id_.find(ids[0]);
  if (found == by_first_id_.end() ||
      !std::equal(ids.begin(), ids.end(), found->second->ids.begin(), found->second->ids.end()))
    return "";
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->text;
}

}  // namespace dure

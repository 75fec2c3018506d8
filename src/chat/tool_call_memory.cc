#include "chat/tool_call_memory.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr size_t kSavedBytes = size_t{4} << 20;

}  // namespace

std::string new_call_id() {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device random;  // the system's, not a generator that a few ids would give away
  std::uniform_int_distribution<size_t> letter(0, kAlphabet.size() - 1);
  std::string id = "call_";
  for (int i = 0; i < 24; ++i) id += kAlphabet[letter(random)];
  return id;
}

ToolCallMemory::ToolCallMemory(size_t max_bytes, std::filesystem::path file)
    : max_bytes_(max_bytes), file_(std::move(file)) {
  if (file_.empty()) return;
  try {
    const Json saved = parse_json(read_file(file_, 4 * kSavedBytes), file_.string());
    for (const Json& call : saved.at("calls"))
      remember(call.at("ids").get<std::vector<std::string>>(), call.at("text").get<std::string>());
  } catch (const std::exception&) {  // what was read so far is of use
  }
  unsaved_ = false;
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
  unsaved_ = true;
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

std::string ToolCallMemory::file_text() const {
  size_t bytes = 0;
  auto oldest = entries_.begin();
  while (oldest != entries_.end() && (bytes += oldest->bytes()) <= kSavedBytes) ++oldest;
  Json calls = Json::array();
  while (oldest != entries_.begin()) {  // the one asked for last is read last
    --oldest;
    calls.push_back({{"ids", oldest->ids}, {"text", oldest->text}});
  }
  return dump_json({{"calls", std::move(calls)}});
}

void ToolCallMemory::save(Clock::duration age) {
  if (file_.empty()) return;
  const std::unique_lock saving(saving_, std::try_to_lock);
  if (!saving) return;  // somebody else does
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    if (!unsaved_ || Clock::now() - saved_at_ < age) return;
    unsaved_ = false;
    saved_at_ = Clock::now();
    text = file_text();
  }
  try {
    write_file_atomically(file_, [&](std::ostream& out) { out << text; });
  } catch (const std::exception&) {}
}

}  // namespace dure

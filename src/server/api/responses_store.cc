#include "server/api/responses_store.h"

#include "base/json.h"

namespace dure {

void ResponsesStore::keep(const std::string& id, const Json& messages) {
  Entry entry{id, dump_json(messages)};
  const std::lock_guard lock(mutex_);
  if (entry.messages.size() > max_bytes_ || by_id_.contains(id)) return;
  bytes_ += entry.messages.size();
  entries_.push_back(std::move(entry));
  by_id_[id] = std::prev(entries_.end());
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.front().messages.size();
    by_id_.erase(entries_.front().id);
    entries_.pop_front();
  }
}

std::optional<Json> ResponsesStore::find(const std::string& id) {
  std::string messages;
  {
    const std::lock_guard lock(mutex_);
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return std::nullopt;
    entries_.splice(entries_.end(), entries_, it->second);
    messages = it->second->messages;
  }
  return parse_json(messages, "a kept conversation");
}

}  // namespace dure

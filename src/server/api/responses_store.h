#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/json_fwd.h"

namespace dure {

/// Conversations that previous_response_id refers to: the last ones, in memory. Thread-safe.
class ResponsesStore {
 public:
  explicit ResponsesStore(size_t max_bytes = size_t{64} << 20) : max_bytes_(max_bytes) {}

  /// `messages`: the whole conversation up to this response, as a chat's.
  void keep(const std::string& id, const Json& messages);
  /// None if the id is unknown or was forgotten.
  std::optional<Json> find(const std::string& id);

 private:
  struct Entry {
    std::string id, messages;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  // used longest ago first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
  size_t bytes_ = 0;
  const size_t max_bytes_;
};

}  // namespace dure

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dure {

// What web/API.md describes, field by field. Times are milliseconds since 1970 UTC. Objects that are kept as they came
// are JSON text. Whoever fills these has checked them: UTF-8 without NUL, ids of [A-Za-z0-9_-]{1,64}, JSON that is
// an object.

struct ConversationHeader {
  std::string id, title;
  std::string settings = "{}";      ///< JSON object
  std::optional<std::string> head;  ///< id of the message that the page shows last; need not exist
  int64_t created_at = 0;
  int64_t updated_at = 0, version = 0, revision = 0;  ///< made by the store
};

struct MessageAttachment {
  std::string name, encoding;
  int64_t bytes = 0;  ///< of the file, before it became UTF-8
  std::string text;
  bool operator==(const MessageAttachment&) const = default;
};

struct MessageFeedback {
  std::string rating;  ///< "up" or "down"
  std::vector<std::string> tags;
  std::string comment, correction;
  int64_t updated_at = 0;  ///< made by the store
};

struct StoredMessage {
  std::string id;
  std::optional<std::string> parent;
  std::string role;  ///< "user" or "assistant"
  std::string content, reasoning;
  std::optional<int64_t> reasoning_ms;
  std::vector<MessageAttachment> attachments;
  std::string status;
  std::optional<std::string> error, finish_reason, model;
  std::optional<std::string> params, usage, timings;  ///< JSON objects
  int64_t created_at = 0;
  int64_t version = 0;                      ///< made by the store
  std::optional<MessageFeedback> feedback;  ///< ignored by put()
};

struct StoredConversation {
  ConversationHeader header;
  std::vector<StoredMessage> messages;  ///< in the order of their creation: parents before children
};

}  // namespace dure

#pragma once

#include "server/store/conversation_store.h"

namespace dure {

// For tests: records with nothing unusual in them.

inline ConversationHeader test_header(const std::string& id, const std::string& title = "A title") {
  ConversationHeader header;
  header.id = id;
  header.title = title;
  header.created_at = 1000;
  return header;
}

inline StoredMessage test_message(const std::string& id, std::optional<std::string> parent, const std::string& content,
                                  const std::string& role = "user") {
  StoredMessage message;
  message.id = id;
  message.parent = std::move(parent);
  message.role = role;
  message.content = content;
  message.status = "complete";
  message.created_at = 1000;
  return message;
}

}  // namespace dure

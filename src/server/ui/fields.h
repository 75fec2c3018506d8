#pragma once

#include <string_view>

#include "base/json_fwd.h"
#include "server/http/http.h"
#include "server/store/records.h"

namespace dure {

// Bodies of PUT as web/API.md describes them. All throw HttpError: 400 (invalid_json, invalid_field) or 413
// (too_large), with the field as `param` and what was expected. Fields that API.md does not name are dropped.

/// How large one field may be.
struct UiLimits {
  size_t body_bytes = size_t{32} << 20;
  int attachments = 16;               ///< files of a message
  size_t attachment_bytes = 1 << 20;  ///< of a file; as UTF-8 its text may be four times as long
};

/// The body as a JSON object.
Json parse_ui_body(std::string_view body);

/// The id from the path, if it is one of [A-Za-z0-9_-]{1,64}.
std::string checked_id(std::string_view id);

/// Everything but the id, which stands in the path, and what the store makes.
ConversationHeader parse_conversation_header(const Json& body);
StoredMessage parse_stored_message(const Json& body, const UiLimits& limits);
MessageFeedback parse_feedback(const Json& body);

/// As they are answered.
Json header_json(const ConversationHeader& header);
Json message_json(const StoredMessage& message);
Json feedback_json(const MessageFeedback& feedback);

}  // namespace dure

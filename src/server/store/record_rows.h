#pragma once

#include "server/store/records.h"
#include "server/store/sqlite.h"

namespace dure {

// Between rows of the database and records. The columns of a SELECT stand in the order of these lists.

/// conversation.row first.
constexpr const char* kHeaderColumns =
    "conversation.row, conversation.id, title, settings, head, conversation.created_at, conversation.updated_at,"
    " conversation.version, revision";
ConversationHeader read_header(const SqlStatement& row);

/// Of message, `above` (its parent) and feedback: kMessageTables joins them. message.row first.
constexpr const char* kMessageColumns =
    "message.row, message.id, above.id, message.role, message.content, message.reasoning, message.reasoning_ms,"
    " message.attachments, message.status, message.error, message.finish_reason, message.model, message.params,"
    " message.usage, message.timings, message.created_at, message.version,"
    " rating, tags, comment, correction, feedback.updated_at";
constexpr const char* kMessageTables =
    "message LEFT JOIN message AS above ON above.row = message.parent"
    " LEFT JOIN feedback ON feedback.message = message.row";
StoredMessage read_message(const SqlStatement& row);

/// Lists as they stand in a column.
std::string attachments_json(const std::vector<MessageAttachment>& attachments);
std::string tags_json(const std::vector<std::string>& tags);

/// Whether a client that sends `b` sends what is stored as `a`: all but what the store makes, and JSON objects without
/// regard to the order of their keys.
bool same_content(const ConversationHeader& a, const ConversationHeader& b);
bool same_content(const StoredMessage& a, const StoredMessage& b);

}  // namespace dure

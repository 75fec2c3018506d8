#include "base/json.h"
#include "server/ui/fields.h"

namespace dure {
namespace {

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json object_or_null(const std::optional<std::string>& json) {
  return json ? parse_json(*json, "stored JSON") : Json(nullptr);
}

}  // namespace

Json header_json(const ConversationHeader& header) {
  Json json = Json::object();
  json["id"] = header.id;
  json["title"] = header.title;
  json["settings"] = parse_json(header.settings, "stored JSON");
  json["head"] = or_null(header.head);
  json["created_at"] = header.created_at;
  json["updated_at"] = header.updated_at;
  json["version"] = header.version;
  json["revision"] = header.revision;
  return json;
}

Json feedback_json(const MessageFeedback& feedback) {
  Json json = Json::object();
  json["rating"] = feedback.rating;
  json["tags"] = feedback.tags;
  json["comment"] = feedback.comment;
  json["correction"] = feedback.correction;
  json["updated_at"] = feedback.updated_at;
  return json;
}

Json message_json(const StoredMessage& message) {
  Json files = Json::array();
  for (const MessageAttachment& file : message.attachments) {
    Json entry = Json::object();
    entry["name"] = file.name;
    entry["encoding"] = file.encoding;
    entry["bytes"] = file.bytes;
    entry["text"] = file.text;
    files.push_back(std::move(entry));
  }
  Json json = Json::object();
  json["id"] = message.id;
  json["parent"] = or_null(message.parent);
  json["role"] = message.role;
  json["content"] = message.content;
  json["reasoning"] = message.reasoning;
  json["reasoning_ms"] = or_null(message.reasoning_ms);
  json["attachments"] = std::move(files);
  json["status"] = message.status;
  json["error"] = or_null(message.error);
  json["finish_reason"] = or_null(message.finish_reason);
  json["model"] = or_null(message.model);
  json["params"] = object_or_null(message.params);
  json["usage"] = object_or_null(message.usage);
  json["timings"] = object_or_null(message.timings);
  json["created_at"] = message.created_at;
  json["version"] = message.version;
  json["feedback"] = message.feedback ? feedback_json(*message.feedback) : Json(nullptr);
  return json;
}

}  // namespace dure

#include "server/store/record_rows.h"

#include <algorithm>
#include <tuple>

#include "base/json.h"

namespace dure {
namespace {

bool same_json(const Json& a, const Json& b) {
  if (a.is_array() && b.is_array()) return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_json);
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.size() == b.size() && std::all_of(a.items().begin(), a.items().end(), [&](const auto& field) {
           const auto other = b.find(field.key());
           return other != b.end() && same_json(field.value(), *other);
         });
}

bool same_json(const std::string& a, const std::string& b) {
  return a == b || same_json(parse_json(a, "stored JSON"), parse_json(b, "JSON to store"));
}

bool same_json(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  return a && b ? same_json(*a, *b) : !a && !b;
}

std::vector<MessageAttachment> read_attachments(const std::string& json) {
  std::vector<MessageAttachment> attachments;
  if (json == "[]") return attachments;
  for (const Json& file : parse_json(json, "column attachments"))
    attachments.push_back({file.at("name").get<std::string>(), file.at("encoding").get<std::string>(),
                           file.at("bytes").get<int64_t>(), file.at("text").get<std::string>()});
  return attachments;
}

}  // namespace

ConversationHeader read_header(const SqlStatement& row) {
  return {row.text(1),    row.text(2),    row.text(3),    row.optional_text(4),
          row.integer(5), row.integer(6), row.integer(7), row.integer(8)};
}

StoredMessage read_message(const SqlStatement& row) {
  StoredMessage message;
  message.id = row.text(1);
  message.parent = row.optional_text(2);
  message.role = row.text(3);
  message.content = row.text(4);
  message.reasoning = row.text(5);
  message.reasoning_ms = row.optional_integer(6);
  message.attachments = read_attachments(row.text(7));
  message.status = row.text(8);
  message.error = row.optional_text(9);
  message.finish_reason = row.optional_text(10);
  message.model = row.optional_text(11);
  message.params = row.optional_text(12);
  message.usage = row.optional_text(13);
  message.timings = row.optional_text(14);
  message.created_at = row.integer(15);
  message.version = row.integer(16);
  if (const auto rating = row.optional_text(17)) {
    const auto tags = parse_json(row.text(18), "column tags").get<std::vector<std::string>>();
    message.feedback = {*rating, tags, row.text(19), row.text(20), row.integer(21)};
  }
  return message;
}

std::string attachments_json(const std::vector<MessageAttachment>& attachments) {
  Json list = Json::array();
  for (const MessageAttachment& file : attachments)
    list.push_back({{"name", file.name}, {"encoding", file.encoding}, {"bytes", file.bytes}, {"text", file.text}});
  return dump_json(list);
}

std::string tags_json(const std::vector<std::string>& tags) { return dump_json(Json(tags)); }

bool same_content(const ConversationHeader& a, const ConversationHeader& b) {
  return std::tie(a.title, a.head, a.created_at) == std::tie(b.title, b.head, b.created_at) &&
         same_json(a.settings, b.settings);
}

bool same_content(const StoredMessage& a, const StoredMessage& b) {
  const auto plain = [](const StoredMessage& m) {
    return std::tie(m.parent, m.role, m.content, m.reasoning, m.reasoning_ms, m.attachments, m.status, m.error,
                    m.finish_reason, m.model, m.created_at);
  };
  return plain(a) == plain(b) && same_json(a.params, b.params) && same_json(a.usage, b.usage) &&
         same_json(a.timings, b.timings);
}

}  // namespace dure

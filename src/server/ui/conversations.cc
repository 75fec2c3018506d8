#include "server/ui/conversations.h"

#include <charconv>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr size_t kMostQuery = 4096;  // bytes of q
constexpr int kMostListed = 100, kListed = 50;

std::string etag(int64_t version) { return fmt::format("\"{}\"", version); }

/// The whole text as a number that is not negative.
std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text[0] == '-') return std::nullopt;
  return value;
}

/// If-None-Match: * or If-Match: "version". A version that no store gives stays unequal to all.
PutCondition condition_of(const HttpRequest& request) {
  const bool none = request.headers.has("if-none-match"), match = request.headers.has("if-match");
  if (none == match)
    throw HttpError(428, "invalid_request_error", "precondition_required",
                    "PUT needs exactly one of If-Match and If-None-Match");
  if (none) {
    if (request.headers.get("if-none-match") != "*")
      throw bad_request("If-None-Match: expected * with PUT", "If-None-Match", "invalid_field");
    return {0};
  }
  std::string_view value = request.headers.get("if-match");
  const bool quoted = value.size() > 2 && value.front() == '"' && value.back() == '"';
  const auto version = quoted ? number(value.substr(1, value.size() - 2)) : std::nullopt;
  return {version.value_or(0) > 0 ? *version : -1};
}

std::string format_cursor(const ListCursor& cursor) { return fmt::format("{}.{}", cursor.updated_at, cursor.id); }

ListCursor parse_cursor(std::string_view text) {
  const size_t dot = text.find('.');
  const auto time = number(text.substr(0, dot));
  if (dot == std::string_view::npos || !time)
    throw bad_request("cursor: expected the next_cursor of an earlier answer", "cursor", "wrong_cursor");
  return {*time, std::string(text.substr(dot + 1))};
}

HttpError gone(std::string_view what) { return not_found(fmt::format("no such {}", what)); }

/// The answer to a PUT: what is stored now, or why it was not.
template <typename Record>
HttpResponse put_response(const PutResult<Record>& result, Json (*to_json)(const Record&)) {
  switch (result.outcome) {
    case PutOutcome::created:
    case PutOutcome::replaced:
    case PutOutcome::unchanged: {
      HttpResponse response = json_response(result.outcome == PutOutcome::created ? 201 : 200, to_json(result.stored));
      response.headers.add("etag", etag(result.stored.version));
      return response;
    }
    case PutOutcome::conflict: {
      const HttpError error(412, "invalid_request_error", "version_conflict", "another version is stored");
      Json body = parse_json(openai_error(error).body, "error");
      body["current"] = to_json(result.stored);
      return json_response(412, body);
    }
    case PutOutcome::absent: throw gone("version");
    case PutOutcome::no_conversation: throw gone("conversation");
    case PutOutcome::unknown_parent:
      throw bad_request("parent: no such message in this conversation", "parent", "unknown_parent");
    case PutOutcome::immutable: break;
  }
  throw bad_request("parent and role of a message never change", "parent", "invalid_field");
}

std::string parameter(const HttpRequest& request, const char* name) { return std::string(request.parameter(name)); }

}  // namespace

HttpResponse ConversationApi::list(const HttpRequest& request) const {
  int64_t limit = kListed;
  if (request.has_query("limit")) {
    limit = number(request.query_value("limit")).value_or(0);
    if (limit < 1 || limit > kMostListed)
      throw bad_request(fmt::format("limit: expected 1 to {}", kMostListed), "limit", "invalid_field");
  }
  const std::string query(request.query_value("q"));
  if (query.size() > kMostQuery)
    throw bad_request(fmt::format("q: expected up to {} bytes", kMostQuery), "q", "invalid_field");
  std::optional<ListCursor> after;
  if (request.has_query("cursor")) after = parse_cursor(request.query_value("cursor"));

  const ConversationPage page = store.list(query, static_cast<int>(limit), after);
  Json data = Json::array();
  for (const ListedConversation& conversation : page.data) {
    Json entry = header_json(conversation.header);
    entry["messages"] = conversation.messages;
    entry["snippet"] = conversation.snippet ? Json(*conversation.snippet) : Json(nullptr);
    data.push_back(std::move(entry));
  }
  Json body = Json::object();
  body["object"] = "list";
  body["next_cursor"] = page.next ? Json(format_cursor(*page.next)) : Json(nullptr);
  body["data"] = std::move(data);
  return json_response(200, body);
}

HttpResponse ConversationApi::get(const HttpRequest& request) const {
  const std::string id = parameter(request, "id");
  const auto known = request.headers.get("if-none-match");
  if (!known.empty()) {
    const auto revision = store.revision(id);
    if (revision && known.find(etag(*revision)) != std::string_view::npos)
      return {304, {{"etag", etag(*revision)}, {"cache-control", "no-cache"}}};
  }
  const auto conversation = store.get(id);
  if (!conversation) throw gone("conversation");
  Json body = header_json(conversation->header);
  Json& messages = body["messages"] = Json::array();
  for (const StoredMessage& message : conversation->messages) messages.push_back(message_json(message));
  HttpResponse response = json_response(200, body);
  response.headers.add("etag", etag(conversation->header.revision));
  response.headers.add("cache-control", "no-cache");
  return response;
}

HttpResponse ConversationApi::put(const HttpRequest& request) const {
  const std::string id = checked_id(request.parameter("id"));
  ConversationHeader header = parse_conversation_header(parse_ui_body(request.body));
  header.id = id;
  return put_response(store.put(header, condition_of(request)), header_json);
}

HttpResponse ConversationApi::put_message(const HttpRequest& request) const {
  const std::string id = checked_id(request.parameter("message"));
  const std::string conversation = parameter(request, "id");
  if (!store.revision(conversation)) throw gone("conversation");  // before its message is looked at
  StoredMessage message = parse_stored_message(parse_ui_body(request.body), limits);
  message.id = id;
  return put_response(store.put(conversation, message, condition_of(request)), message_json);
}

HttpResponse ConversationApi::put_feedback(const HttpRequest& request) const {
  std::optional<MessageFeedback> feedback = parse_feedback(parse_ui_body(request.body));
  switch (store.judge(parameter(request, "id"), parameter(request, "message"), feedback)) {
    case ConversationStore::Judged::no_message: throw gone("message");
    case ConversationStore::Judged::no_answer: throw bad_request("only answers are judged", "role", "invalid_field");
    case ConversationStore::Judged::yes: break;
  }
  return json_response(200, feedback_json(*feedback));
}

HttpResponse ConversationApi::remove_feedback(const HttpRequest& request) const {
  std::optional<MessageFeedback> none;
  store.judge(parameter(request, "id"), parameter(request, "message"), none);
  return {204};
}

HttpResponse ConversationApi::remove_message(const HttpRequest& request) const {
  store.remove(parameter(request, "id"), parameter(request, "message"));
  return {204};
}

HttpResponse ConversationApi::remove(const HttpRequest& request) const {
  store.remove(parameter(request, "id"));
  return {204};
}

HttpResponse ConversationApi::remove_all() const {
  store.remove_all();
  return {204};
}

}  // namespace dure

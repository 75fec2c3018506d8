#include "server/ui/fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {
namespace {

constexpr size_t kMostTitle = 200;                                                            // code points
constexpr size_t kMostSettings = 256 << 10, kMostObject = 16 << 10, kMostOpinion = 64 << 10;  // bytes
constexpr size_t kMostTags = 8;
constexpr std::array kStatuses = {"complete", "streaming", "stopped", "interrupted", "failed"};

[[noreturn]] void refuse(std::string_view field, std::string_view expected) {
  throw bad_request(fmt::format("{}: expected {}", field, expected), std::string(field), "invalid_field");
}

void check_size(std::string_view field, size_t size, size_t limit) {
  if (size <= limit) return;
  throw HttpError(413, "invalid_request_error", "too_large", fmt::format("{}: larger than {} bytes", field, limit),
                  std::string(field));
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

/// In a string or a key at any depth, which parse_json has bounded.
bool has_nul(const Json& json) {
  if (json.is_string()) return has_nul(json.get_ref<const std::string&>());
  if (!json.is_structured()) return false;
  return std::any_of(json.items().begin(), json.items().end(), [&](const auto& entry) {
    return (json.is_object() && has_nul(entry.key())) || has_nul(entry.value());
  });
}

/// A \u escape of half a surrogate pair: grammatical JSON that is no text, so the parser refuses it.
bool has_lone_surrogate(std::string_view json) {
  const auto escape = [&](size_t at) {  // the code unit of "\uXXXX" there, or 0
    if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return 0u;
    unsigned unit = 0;
    for (const char c : json.substr(at + 2, 4)) {
      const bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'f';
      if (!digit && !letter) return 0u;
      unit = unit << 4 | unsigned(digit ? c - '0' : (c | 32) - 'a' + 10);
    }
    return unit;
  };
  for (size_t at = 0; at < json.size(); ++at) {
    if (json[at] != '\\') continue;
    const unsigned unit = escape(at) & 0xFC00;
    if (unit == 0xDC00) return true;
    if (unit == 0xD800 && (escape(at + 6) & 0xFC00) != 0xDC00) return true;
    at += unit == 0xD800 ? 11 : 1;
  }
  return false;
}

/// Null counts as absent.
const Json* find(const Json& body, std::string_view field) {
  const auto it = body.find(field);
  return it == body.end() || it->is_null() ? nullptr : &*it;
}

std::optional<std::string> optional_text(const Json& body, std::string_view field) {
  const Json* value = find(body, field);
  if (!value) return std::nullopt;
  if (!value->is_string()) refuse(field, "a string");
  auto text = value->get<std::string>();
  if (has_nul(text)) refuse(field, "a string without NUL");
  return text;
}

std::string text(const Json& body, std::string_view field) {
  auto value = optional_text(body, field);
  if (!value) refuse(field, "a string");
  return *value;
}

std::string one_of(const Json& body, std::string_view field, std::span<const char* const> allowed) {
  const Json* value = find(body, field);
  if (!value || !value->is_string() || std::find(allowed.begin(), allowed.end(), *value) == allowed.end())
    refuse(field, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return value->get<std::string>();
}

std::optional<std::string> optional_object(const Json& body, std::string_view field, size_t limit) {
  const Json* value = find(body, field);
  if (!value) return std::nullopt;
  if (!value->is_object()) refuse(field, "an object");
  if (has_nul(*value)) refuse(field, "no NUL in its strings");
  std::string json = dump_json(*value);
  check_size(field, json.size(), limit);
  return json;
}

/// Milliseconds or bytes: what a double holds exactly, as every client does.
std::optional<int64_t> optional_count(const Json& body, std::string_view field, std::string_view expected) {
  constexpr double kMost = 9007199254740991;  // 2^53 - 1
  const Json* value = find(body, field);
  if (!value) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= kMost && std::floor(number) == number)) refuse(field, expected);
  return static_cast<int64_t>(number);
}

int64_t count(const Json& body, std::string_view field, std::string_view expected) {
  const auto value = optional_count(body, field, expected);
  if (!value) refuse(field, expected);
  return *value;
}

int64_t time(const Json& body, std::string_view field) {
  return count(body, field, "milliseconds since 1970, an integer");
}

size_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
}

bool is_id(std::string_view id) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

std::vector<MessageAttachment> attachments(const Json& body, bool allowed, const UiLimits& limits) {
  std::vector<MessageAttachment> files;
  const Json* list = find(body, "attachments");
  if (!list) return files;
  if (!list->is_array() || (!allowed && !list->empty())) refuse("attachments", "a list, empty for an answer");
  if (list->size() > static_cast<size_t>(limits.attachments))
    refuse("attachments", fmt::format("up to {} files", limits.attachments));
  for (const Json& file : *list) {
    if (!file.is_object()) refuse("attachments", "objects {name, encoding, bytes, text}");
    files.push_back(
        {text(file, "name"), text(file, "encoding"), count(file, "bytes", "the size of the file"), text(file, "text")});
    check_size("attachments", files.back().text.size(), 4 * limits.attachment_bytes);
  }
  return files;
}

std::string opinion(const Json& body, std::string_view field) {
  std::string value = optional_text(body, field).value_or("");
  check_size(field, value.size(), kMostOpinion);
  return value;
}

bool is_tag(const Json& tag) {
  if (!tag.is_string()) return false;
  const auto& text = tag.get_ref<const std::string&>();
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

Json parse_ui_body(std::string_view body) {
  Json json;
  try {
    json = parse_json(body, "the body");
  } catch (const Error& error) {
    if (has_lone_surrogate(body))
      throw bad_request("the body: half of a surrogate pair in a string", {}, "invalid_field");
    throw bad_request(error.what(), {}, "invalid_json");
  }
  if (!json.is_object()) throw bad_request("the body: expected a JSON object", {}, "invalid_json");
  return json;
}

std::string checked_id(std::string_view id) {
  if (!is_id(id)) refuse("id", "up to 64 of A-Z a-z 0-9 _ -");
  return std::string(id);
}

ConversationHeader parse_conversation_header(const Json& body) {
  ConversationHeader header;
  header.title = text(body, "title");
  if (code_points(header.title) > kMostTitle) refuse("title", fmt::format("up to {} code points", kMostTitle));
  const auto settings = optional_object(body, "settings", kMostSettings);
  if (!settings) refuse("settings", "an object");
  header.settings = *settings;
  header.head = optional_text(body, "head");
  if (header.head && !is_id(*header.head)) refuse("head", "the id of a message, or null");
  header.created_at = time(body, "created_at");
  return header;
}

StoredMessage parse_stored_message(const Json& body, const UiLimits& limits) {
  StoredMessage message;
  message.role = one_of(body, "role", std::array{"user", "assistant"});
  message.status = one_of(body, "status", kStatuses);
  message.parent = optional_text(body, "parent");
  message.content = text(body, "content");
  message.reasoning = optional_text(body, "reasoning").value_or("");
  message.reasoning_ms = optional_count(body, "reasoning_ms", "milliseconds, an integer, or null");
  message.attachments = attachments(body, message.role == "user", limits);
  message.error = optional_text(body, "error");
  message.finish_reason = optional_text(body, "finish_reason");
  message.model = optional_text(body, "model");
  message.params = optional_object(body, "params", kMostObject);
  message.usage = optional_object(body, "usage", kMostObject);
  message.timings = optional_object(body, "timings", kMostObject);
  message.created_at = time(body, "created_at");
  return message;
}

MessageFeedback parse_feedback(const Json& body) {
  MessageFeedback feedback;
  feedback.rating = one_of(body, "rating", std::array{"up", "down"});
  if (const Json* tags = find(body, "tags")) {
    if (!tags->is_array() || tags->size() > kMostTags || !std::all_of(tags->begin(), tags->end(), is_tag))
      refuse("tags", fmt::format("up to {} of [a-z_]{{1,32}}", kMostTags));
    feedback.tags = tags->get<std::vector<std::string>>();
  }
  feedback.comment = opinion(body, "comment");
  feedback.correction = opinion(body, "correction");
  return feedback;
}

}  // namespace dure

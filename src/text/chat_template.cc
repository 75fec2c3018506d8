#include "text/chat_template.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/error.h"
#include "base/json.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/parser.h"

namespace dure {
namespace {

using jinja::Heap;
using jinja::Value;

std::string format_local_time(const std::string& format) {
  if (format.empty()) return "";
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 1024> buffer;
  const size_t length = std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  require(length > 0, "strftime_now: the time does not fit {} bytes", buffer.size());
  return std::string(buffer.data(), length);
}

/// Templates build control tokens around the role (`<|user|>`), so the known roles count as the template's own words.
bool is_known_role(const Json& value) {
  static constexpr std::string_view kRoles[] = {
      "system",        "developer", "user",    "assistant",   "model",       "tool",   "tool_call",
      "tool_response", "function",  "ipython", "observation", "environment", "critic", "latest_reminder"};
  return value.is_string() &&
         std::find(std::begin(kRoles), std::end(kRoles), value.get_ref<const std::string&>()) != std::end(kRoles);
}

Value message_value(Heap& heap, const Json& message) {
  if (!message.is_object()) return heap.from_json(message, false);
  std::vector<std::pair<Value, Value>> fields;
  for (const auto& [key, value] : message.items())
    fields.emplace_back(heap.string(key, false), heap.from_json(value, key == "role" && is_known_role(value)));
  return heap.dict(std::move(fields));
}

Value context_value(Heap& heap, const std::string& key, const Json& value) {
  if (key == "messages" && value.is_array()) {
    std::vector<Value> messages;
    for (const Json& message : value) messages.push_back(message_value(heap, message));
    return heap.list(std::move(messages));
  }
  return heap.from_json(value, value.is_string() && key.ends_with("_token"));
}

}  // namespace

struct ChatTemplate::Parsed {
  std::string name;
  jinja::Body body;
  Clock clock;
};

ChatTemplate::ChatTemplate(std::string source, std::string name, Clock clock) {
  try {
    jinja::Body body = jinja::parse(source);
    if (!clock) clock = format_local_time;
    parsed_ = std::make_unique<Parsed>(Parsed{std::move(name), std::move(body), std::move(clock)});
  } catch (const Error& error) {
    fail("chat template {}, {}", name, error.what());
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::vector<Segment> ChatTemplate::render_segments(const Json& context) const {
  jinja::Evaluator evaluator(parsed_->clock);
  try {
    require(context.is_object(), "the context must be a JSON object");
    for (const auto& [key, value] : context.get_ref<const Json::object_t&>())
      evaluator.define(key, context_value(evaluator.heap(), key, value));
    return evaluator.run(parsed_->body).segments();
  } catch (const Error& error) {
    fail("chat template {}, line {}: {}", parsed_->name, evaluator.line(), error.what());
  }
}

}  // namespace dure

#include "text/encoding/conversation.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "text/jinja/heap.h"
#include "text/jinja/print.h"

namespace dure::encoding {
namespace {

Role read_role(const Json& message, const std::string& where) {
  static constexpr std::pair<std::string_view, Role> kRoles[] = {
      {"system", Role::kSystem},       {"developer", Role::kDeveloper}, {"user", Role::kUser},
      {"assistant", Role::kAssistant}, {"tool", Role::kTool},           {"latest_reminder", Role::kLatestReminder}};
  const std::string name = text_field(message, "role");
  for (const auto& [text, role] : kRoles)
    if (name == text) return role;
  fail("{}.role: expected system, developer, user, assistant, tool or latest_reminder, got {}", where, quote(name));
}

void check_tools(const Json& tools, const std::string& where) {
  require(tools.is_array(), "{}: expected a list", where);
  for (const Json& tool : tools)
    require(tool.is_object() && field(tool, "function") && field(tool, "function")->is_object(),
            "{}: every tool needs a 'function'", where);
}

void check_calls(const Json& message, const std::string& where) {
  const Json* calls = field(message, "tool_calls");
  if (!calls) return;
  require(calls->is_array(), "{}.tool_calls: expected a list", where);
  for (const Json& call : *calls) {
    const Json* function = call.is_object() ? field(call, "function") : nullptr;
    require(function && function->is_object() && function->contains("name") && function->at("name").is_string() &&
                function->contains("arguments"),
            "{}.tool_calls: every call needs function.name and function.arguments", where);
  }
}

bool read_thinking(const Json& context, std::string_view name, bool fallback) {
  if (const Json* mode = field(context, "thinking_mode")) {
    require(*mode == "chat" || *mode == "thinking", "{}: thinking_mode: expected 'chat' or 'thinking'", name);
    return *mode == "thinking";
  }
  if (const Json* thinking = field(context, "thinking"); thinking && thinking->is_object())
    return text_field(*thinking, "type") != "disabled";
  return flag_field(context, "thinking", flag_field(context, "enable_thinking", fallback));
}

const Json& empty_object() {
  static const Json object = Json::object();
  return object;
}

}  // namespace

bool Conversation::offers_tools() const {
  return std::any_of(messages.begin(), messages.end(), [](const Message& m) { return m.tools != nullptr; });
}

const Json* field(const Json& object, std::string_view key) {
  const auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string text_field(const Json& object, std::string_view key) {
  const Json* value = field(object, key);
  if (!value) return "";
  require(value->is_string(), "'{}': expected a string", key);
  return value->get<std::string>();
}

bool flag_field(const Json& object, std::string_view key, bool fallback) {
  const Json* value = field(object, key);
  if (!value) return fallback;
  require(value->is_boolean(), "'{}': expected true or false", key);
  return value->get<bool>();
}

MarkedText content_text(const Json& message) {
  const Json* content = field(message, "content");
  if (!content) return {};
  if (content->is_string()) return MarkedText(content->get<std::string>(), false);
  require(content->is_array(), "'content': expected a string or a list of parts");
  MarkedText out;
  for (bool first = true; const Json& part : *content) {
    require(part.is_object(), "'content': every part must be an object");
    if (!first) out.append("\n\n", true);
    first = false;
    const std::string type = text_field(part, "type");
    if (type == "text") {
      out.append(text_field(part, "text"), false);
    } else {
      out.append("[Unsupported ", true);
      out.append(type, false);
      out.append("]", true);
    }
  }
  return out;
}

MarkedText python_json(const Json& value) {
  jinja::Heap heap;
  return jinja::to_json(heap.from_json(value, false));
}

Conversation read_conversation(const Json& context, std::string_view name, bool thinking_by_default) {
  require(context.is_object(), "{}: the context must be a JSON object", name);
  const Json* messages = field(context, "messages");
  require(messages && messages->is_array(), "{}: 'messages' must be a list", name);

  Conversation out;
  for (size_t i = 0; i < messages->size(); ++i) {
    const std::string where = fmt::format("{}: messages[{}]", name, i);
    const Json& message = (*messages)[i];
    require(message.is_object(), "{}: expected an object", where);
    Message read{read_role(message, where), &message};
    check_calls(message, where);
    if (const Json* tools = field(message, "tools"); tools && !tools->empty()) {
      check_tools(*tools, where + ".tools");
      read.tools = tools;
    }
    out.messages.push_back(std::move(read));
  }

  const Json* choice = field(context, "tool_choice");
  const Json* tools = field(context, "tools");
  if (tools && !tools->empty() && !(choice && *choice == "none")) {
    check_tools(*tools, fmt::format("{}: tools", name));
    if (out.messages.empty() || out.messages[0].role != Role::kSystem)
      out.messages.insert(out.messages.begin(), Message{Role::kSystem, &empty_object()});
    out.messages[0].tools = tools;
    out.force_tools = choice && (*choice == "required" || choice->is_object());
  }
  out.thinking = read_thinking(context, name, thinking_by_default && !out.force_tools);
  out.drop_thinking = flag_field(context, "drop_thinking", true);
  out.add_generation_prompt = flag_field(context, "add_generation_prompt", true);
  return out;
}

}  // namespace dure::encoding

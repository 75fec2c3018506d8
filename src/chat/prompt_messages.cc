#include "chat/prompt_messages.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "chat/chat_request.h"

namespace dure {
namespace {

template <class... Args>
[[noreturn]] void refuse(const std::string& param, fmt::format_string<Args...> format, Args&&... args) {
  throw RequestError(param + ": " + fmt::format(format, std::forward<Args>(args)...), param);
}

/// The field, or null if it is absent or JSON's null.
const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string text_at(const Json& object, const char* key, const std::string& where) {
  const Json* value = find(object, key);
  if (value == nullptr) return "";
  if (!value->is_string()) refuse(where + "." + key, "expected a string");
  return value->get<std::string>();
}

std::string part_text(const Json& part, const std::string& where) {
  if (!part.is_object()) refuse(where, "expected an object with 'type'");
  const std::string type = text_at(part, "type", where);
  if (type == "text" || type == "input_text" || type == "output_text") return text_at(part, "text", where);
  if (type == "refusal") return text_at(part, "refusal", where);
  refuse(where, "this model reads text only, and the part is of type {}", quote(type));
}

/// A string; null and nothing are the empty one.
std::string content_text(const Json& message, const std::string& where) {
  const Json* content = find(message, "content");
  if (content == nullptr) return "";
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) refuse(where + ".content", "expected a string or a list of parts");
  std::string out;
  for (size_t i = 0; i < content->size(); ++i) {
    if (i > 0) out += '\n';
    out += part_text((*content)[i], fmt::format("{}.content[{}]", where, i));
  }
  return out;
}

Json read_call(const Json& call, const std::string& where) {
  const Json* function = call.is_object() ? find(call, "function") : nullptr;
  if (function == nullptr || !function->is_object()) refuse(where, "expected an object with 'function'");
  const std::string name = text_at(*function, "name", where + ".function");
  if (name.empty()) refuse(where + ".function.name", "expected the name of a function");
  const Json* arguments = find(*function, "arguments");
  return {{"id", text_at(call, "id", where)},
          {"type", "function"},
          {"function", {{"name", name}, {"arguments", arguments == nullptr ? Json("") : *arguments}}}};
}

Json read_calls(const Json& message, const std::string& where) {
  Json out = Json::array();
  if (const Json* calls = find(message, "tool_calls")) {
    if (!calls->is_array()) refuse(where + ".tool_calls", "expected a list");
    for (size_t i = 0; i < calls->size(); ++i)
      out.push_back(read_call((*calls)[i], fmt::format("{}.tool_calls[{}]", where, i)));
  } else if (const Json* call = find(message, "function_call")) {
    out.push_back(read_call({{"function", *call}}, where + ".function_call"));
  }
  return out;
}

/// The arguments as the template wants them. Text that is no JSON stays text: the model shall see what it wrote.
Json spelled_arguments(const Json& arguments, bool as_text) {
  if (!arguments.is_string()) return as_text ? Json(dump_json(arguments)) : arguments;
  const std::string& text = arguments.get_ref<const std::string&>();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return as_text ? Json("{}") : Json::object();
  if (as_text) return arguments;
  try {
    return parse_json(text, "arguments");
  } catch (const Error&) {
    return arguments;
  }
}

std::string argument_text(const Json& arguments) {
  return arguments.is_string() ? arguments.get<std::string>() : dump_json(arguments);
}

/// Reads messages one by one and writes those of the template.
class Messages {
 public:
  Messages(const ToolStyle& style, bool offers_tools) : style_(style), offers_tools_(offers_tools) {}

  void add(const Json& message, const std::string& where, bool old) {
    if (!message.is_object()) refuse(where, "expected an object with 'role' and 'content'");
    const std::string role = text_at(message, "role", where);
    if (role == "assistant") {
      assistant(message, where, old);
    } else if (role == "tool" || role == "function") {
      result(message, where);
      after_result_ = true;
      return;
    } else if (role == "user" || role == "system" || role == "developer" || role == "latest_reminder") {
      Json out{{"role", role == "developer" ? "system" : role}, {"content", content_text(message, where)}};
      if (const Json* task = find(message, "task")) out["task"] = *task;
      messages_.push_back(std::move(out));
    } else {
      refuse(where + ".role", "expected system, developer, user, assistant or tool, got {}", quote(role));
    }
    after_result_ = false;
  }

  /// Puts the description of tools where the model looks for instructions.
  void instruct(const std::string& text) {
    if (messages_.empty() || messages_[0]["role"] != "system")
      messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", ""}});
    std::string content = messages_[0]["content"].get<std::string>();
    messages_[0]["content"] = content + (content.empty() ? "" : "\n\n") + text;
  }

  Json take() {
    if (style_.traits.calls && !style_.traits.parallel_calls) split_calls();
    return std::move(messages_);
  }

 private:
  void assistant(const Json& message, const std::string& where, bool old) {
    Json out{{"role", "assistant"}, {"content", content_text(message, where)}};
    if (!old || offers_tools_) {
      std::string reasoning = text_at(message, "reasoning_content", where);
      if (reasoning.empty()) reasoning = text_at(message, "reasoning", where);
      if (!reasoning.empty()) out["reasoning_content"] = reasoning;
    }
    if (const Json* prefix = find(message, "prefix"); prefix && prefix->is_boolean()) out["prefix"] = *prefix;

    Json calls = read_calls(message, where);
    for (Json& call : calls) {
      functions_[call["id"].get<std::string>()] = call["function"]["name"].get<std::string>();
      Json& arguments = call["function"]["arguments"];
      arguments = spelled_arguments(arguments, style_.traits.text_arguments);
    }
    if (!calls.empty() && style_.traits.calls) {
      if (out["content"] != "" && !style_.traits.text_and_calls) {
        messages_.push_back(out);
        out = {{"role", "assistant"}, {"content", ""}};
      }
      if (out["content"] == "" && style_.traits.null_content) out["content"] = nullptr;
      out["tool_calls"] = std::move(calls);
    } else if (!calls.empty()) {
      std::vector<ToolCallText> texts;
      for (const Json& call : calls)
        texts.push_back({call["function"]["name"].get<std::string>(), argument_text(call["function"]["arguments"])});
      std::string content = out["content"].get<std::string>();
      if (!content.empty()) content += style_.format->before_calls;
      out["content"] = content + write_tool_calls(*style_.format, texts);
    }
    messages_.push_back(std::move(out));
  }

  void result(const Json& message, const std::string& where) {
    const Json* content = find(message, "content");
    const std::string text = content != nullptr && content->is_object() ? dump_json(*content)  // some clients do
                                                                        : content_text(message, where);
    const std::string id = text_at(message, "tool_call_id", where);
    if (!style_.traits.results) {
      const std::string block = "<tool_response>\n" + text + "\n</tool_response>";
      if (after_result_) {
        messages_.back()["content"] = messages_.back()["content"].get<std::string>() + "\n" + block;
      } else {
        messages_.push_back({{"role", "user"}, {"content", block}});
      }
      return;
    }
    Json out{{"role", "tool"}, {"content", text}};
    if (!id.empty()) out["tool_call_id"] = id;
    if (const auto it = functions_.find(id); it != functions_.end()) out["name"] = it->second;
    messages_.push_back(std::move(out));
  }

  /// One call per message, each with its results behind it.
  void split_calls() {
    Json out = Json::array();
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Json message = messages_[i];
      if (!message.contains("tool_calls") || message["tool_calls"].size() < 2) {
        out.push_back(message);
        continue;
      }
      size_t end = i + 1;
      while (end < messages_.size() && messages_[end]["role"] == "tool") ++end;
      std::vector<Json> results(messages_.begin() + static_cast<std::ptrdiff_t>(i + 1),
                                messages_.begin() + static_cast<std::ptrdiff_t>(end));
      split_call(message, results, out);
      i = end - 1;
    }
    messages_ = std::move(out);
  }

  void split_call(const Json& message, const std::vector<Json>& results, Json& out) const {
    std::vector<bool> placed(results.size());
    const Json& calls = message["tool_calls"];
    for (size_t k = 0; k < calls.size(); ++k) {
      Json one = k == 0 ? message : Json{{"role", "assistant"}, {"content", style_.traits.null_content ? Json() : ""}};
      one["tool_calls"] = Json::array({calls[k]});
      out.push_back(std::move(one));
      for (size_t r = 0; r < results.size(); ++r) {
        const bool last = k + 1 == calls.size();
        const bool answers = results[r].contains("tool_call_id") && results[r]["tool_call_id"] == calls[k]["id"];
        if (placed[r] || !(answers || last)) continue;
        placed[r] = true;
        out.push_back(results[r]);
      }
    }
  }

  const ToolStyle& style_;
  const bool offers_tools_;
  Json messages_ = Json::array();
  bool after_result_ = false;
  std::unordered_map<std::string, std::string> functions_;  // id of a call -> its function
};

/// The definitions without what only the server reads.
Json read_tools(const Json& tools) {
  if (!tools.is_array()) refuse("tools", "expected a list");
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string where = fmt::format("tools[{}]", i);
    const Json* function = tools[i].is_object() ? find(tools[i], "function") : nullptr;
    if (function == nullptr || !function->is_object())
      refuse(where, "expected {{\"type\": \"function\", \"function\": {{...}}}}");
    if (text_at(*function, "name", where + ".function").empty())
      refuse(where + ".function.name", "expected the name of a function");
    Json shown = *function;
    shown.erase("strict");
    out.push_back({{"type", "function"}, {"function", std::move(shown)}});
  }
  return out;
}

/// What a model is told that its template tells nothing.
std::string description(const Json& tools, const ToolFormat& format) {
  std::string out = "# Tools\n\nYou can call these functions, given as JSON, one per line:\n";
  for (const Json& tool : tools) out += dump_json(tool["function"]) + "\n";
  const ToolCallText example{"NAME", R"({"PARAMETER": "VALUE"})"};
  return out + "\nTo call a function, answer with its name and its arguments in exactly this form:\n" +
         write_tool_calls(format, {&example, 1}) + "\nThe results come in the next message.";
}

}  // namespace

PromptMessages prompt_messages(const Json& messages, const Json& tools, const ToolStyle& style) {
  if (!messages.is_array() || messages.empty()) refuse("messages", "expected a list that is not empty");
  const Json offered = tools.is_null() ? Json::array() : read_tools(tools);

  size_t question = 0;
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].is_object() && messages[i].contains("role") && messages[i]["role"] == "user") question = i;

  Messages out(style, !offered.empty());
  for (size_t i = 0; i < messages.size(); ++i) out.add(messages[i], fmt::format("messages[{}]", i), i < question);
  const bool described = !offered.empty() && !style.traits.tools;
  if (described) out.instruct(description(offered, *style.format));
  return {out.take(), offered.empty() || described ? Json() : offered};
}

}  // namespace dure

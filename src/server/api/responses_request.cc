#include "server/api/responses_request.h"

#include "base/error.h"
#include "server/api/responses_store.h"

namespace dure {
namespace {

/// Turns input items into messages of a chat. Calls and thoughts join the assistant's message that they belong to.
class InputItems {
 public:
  explicit InputItems(Json& messages) : messages_(messages) {}

  void add(const Json& json, const std::string& where) {
    const RequestFields item(json, where);
    const std::string type = item.string_or("type", item.has("role") ? "message" : "");
    if (type == "message") {
      message(item);
    } else if (type == "function_call") {
      Json& calls = assistant()["tool_calls"];
      if (calls.is_null()) calls = Json::array();
      calls.push_back(
          {{"id", item.string_or("call_id", "")},
           {"type", "function"},
           {"function", {{"name", item.string_or("name", "")}, {"arguments", item.string_or("arguments", "")}}}});
    } else if (type == "function_call_output") {
      const Json* output = item.find("output");
      if (output == nullptr) item.refuse("output", "text or a list of parts");
      messages_.push_back({{"role", "tool"},
                           {"tool_call_id", item.string_or("call_id", "")},
                           {"content", parts(*output, item, "output")}});
    } else if (type == "reasoning") {
      reasoning(item);
    } else {
      item.refuse("type", "message, function_call, function_call_output or reasoning");
    }
  }

 private:
  /// Text, or text parts as chats have them.
  static Json parts(const Json& content, const RequestFields& item, const char* name) {
    if (content.is_string()) return content;
    if (!content.is_array()) item.refuse(name, "text or a list of parts");
    Json out = Json::array();
    for (size_t i = 0; i < content.size(); ++i) {
      const std::string place = fmt::format("{}[{}]", item.path(name), i);
      const RequestFields part(content[i], place);
      const std::string type = part.string_or("type", "");
      if (type != "input_text" && type != "output_text" && type != "text" && type != "refusal")
        throw bad_request(place + ": this model reads text only, not " + quote(type), place);
      out.push_back({{"type", "text"}, {"text", part.string_or(type == "refusal" ? "refusal" : "text", "")}});
    }
    return out;
  }

  void message(const RequestFields& item) {
    const std::string role = item.string_or("role", "");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer")
      item.refuse("role", "user, assistant, system or developer");
    const Json* content = item.find("content");
    if (content == nullptr) item.refuse("content", "text or a list of parts");
    Json text = parts(*content, item, "content");
    const bool goes_on = role == "assistant" && !messages_.empty() && messages_.back()["role"] == "assistant" &&
                         messages_.back()["content"] == "" && !messages_.back().contains("tool_calls");
    if (goes_on)  // behind its thoughts
      messages_.back()["content"] = std::move(text);
    else
      messages_.push_back({{"role", role}, {"content", std::move(text)}});
  }

  void reasoning(const RequestFields& item) {
    std::string text;
    for (const char* name : {"content", "summary"}) {
      const Json* list = item.array(name, 1024);
      if (list == nullptr || !text.empty()) continue;
      for (const Json& part : *list) text += RequestFields(part, item.path(name)).string_or("text", "");
    }
    if (!text.empty()) messages_.push_back({{"role", "assistant"}, {"content", ""}, {"reasoning_content", text}});
  }

  /// The assistant's message that is still being written.
  Json& assistant() {
    if (messages_.empty() || messages_.back()["role"] != "assistant")
      messages_.push_back({{"role", "assistant"}, {"content", ""}});
    return messages_.back();
  }

  Json& messages_;
};

void read_input(const RequestFields& body, const ApiLimits& limits, Json& messages) {
  const Json* input = body.find("input");
  if (input == nullptr || (!input->is_string() && !input->is_array()) || (input->is_array() && input->empty()))
    body.refuse("input", "text or a list of items that is not empty");
  if (input->is_string()) {
    messages.push_back({{"role", "user"}, {"content", *input}});
    return;
  }
  body.array("input", limits.messages);
  InputItems items(messages);
  for (size_t i = 0; i < input->size(); ++i) items.add((*input)[i], fmt::format("input[{}]", i));
}

/// The fields that chat completions have under other names, as they have them.
Json chat_fields(const RequestFields& body, const ApiLimits& limits) {
  Json out = Json::object();
  for (const char* name : {"tool_choice", "parallel_tool_calls"})
    if (const Json* value = body.find(name)) out[name] = *value;
  if (const Json* tools = body.array("tools", limits.tools)) {
    out["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      const RequestFields tool((*tools)[i], fmt::format("tools[{}]", i));
      if (tool.string_or("type", "") != "function") tool.refuse("type", "function: this server runs no tools itself");
      Json function = Json::object();
      for (const char* name : {"name", "description", "parameters", "strict"})
        if (const Json* value = tool.find(name)) function[name] = *value;
      out["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (const Json* text = body.object("text")) {
    if (const Json* format = RequestFields(*text, "text").object("format")) {
      const bool named = format->contains("type") && (*format)["type"] == "json_schema";
      out["response_format"] = named ? Json{{"type", "json_schema"}, {"json_schema", *format}} : *format;
    }
  }
  return out;
}

Json or_else(const RequestFields& body, const char* name, Json otherwise) {
  const Json* value = body.find(name);
  return value != nullptr ? *value : std::move(otherwise);
}

Json echo_of(const RequestFields& body, bool store) {
  const Json* text = body.find("text");
  const Json* format = text != nullptr ? RequestFields(*text, "text").find("format") : nullptr;
  const Json* thinking = body.find("reasoning");
  return {
      {"instructions", or_else(body, "instructions", nullptr)},
      {"max_output_tokens", or_else(body, "max_output_tokens", nullptr)},
      {"metadata", or_else(body, "metadata", Json::object())},
      {"parallel_tool_calls", or_else(body, "parallel_tool_calls", true)},
      {"previous_response_id", or_else(body, "previous_response_id", nullptr)},
      {"reasoning",
       {{"effort", thinking != nullptr ? or_else(RequestFields(*thinking, "reasoning"), "effort", nullptr) : Json()},
        {"summary",
         thinking != nullptr ? or_else(RequestFields(*thinking, "reasoning"), "summary", nullptr) : Json()}}},
      {"service_tier", "default"},
      {"store", store},
      {"temperature", or_else(body, "temperature", 1.0)},
      {"text", {{"format", format != nullptr ? *format : Json{{"type", "text"}}}}},
      {"tool_choice", or_else(body, "tool_choice", "auto")},
      {"tools", or_else(body, "tools", Json::array())},
      {"top_logprobs", or_else(body, "top_logprobs", 0)},
      {"top_p", or_else(body, "top_p", 1.0)},
      {"truncation", or_else(body, "truncation", "disabled")},
      {"user", or_else(body, "user", nullptr)}};
}

}  // namespace

ResponsesRequest read_response_request(const Json& json, const ApiLimits& limits, ResponsesStore& store) {
  const RequestFields body(json);
  for (const char* name : {"conversation", "prompt"})
    if (body.has(name)) body.refuse(name, "nothing: this server does not keep any");
  if (body.boolean_or("background", false)) body.refuse("background", "false: answers are not made in the background");

  ResponsesRequest out;
  read_common(body, limits, out);
  out.chat.n = 1;
  if (const auto most = body.integer("max_output_tokens", 1, INT32_MAX))
    out.chat.sampling.max_tokens = static_cast<int>(*most);
  if (const Json* include = body.array("include", 64))
    for (const Json& what : *include) out.form.logprobs |= what == "message.output_text.logprobs";
  const auto top = body.integer("top_logprobs", 0, 20);
  if (out.form.logprobs) out.chat.sampling.logprobs = static_cast<int>(top.value_or(0));

  const Json fields = chat_fields(body, limits);
  ChatPrompt prompt;
  read_tools(RequestFields(fields), limits, prompt);
  read_reasoning(body, prompt);
  out.chat.format = read_response_format(RequestFields(fields));

  out.messages = Json::array();
  if (const auto previous = body.string("previous_response_id")) {
    auto kept = store.find(*previous);
    if (!kept)
      throw bad_request("previous_response_id: there is no such response, or it was not kept", "previous_response_id",
                        "previous_response_not_found");
    out.messages = std::move(*kept);
  }
  read_input(body, limits, out.messages);
  prompt.messages = Json::array();
  if (const auto text = body.string("instructions"))
    prompt.messages.push_back({{"role", "system"}, {"content", *text}});
  prompt.messages.insert(prompt.messages.end(), out.messages.begin(), out.messages.end());
  out.chat.prompt = std::move(prompt);

  out.store = body.boolean_or("store", true);
  if (const Json* reasoning = body.object("reasoning"))
    out.summaries = RequestFields(*reasoning, "reasoning").has("summary");
  out.echo = echo_of(body, out.store);
  return out;
}

}  // namespace dure

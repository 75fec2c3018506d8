#include "server/api/anthropic_request.h"

#include <algorithm>

#include "base/error.h"

namespace dure {
namespace {

/// The text of a string or of blocks of text; other blocks are refused.
std::string text_of(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (content.is_null()) return "";
  if (!content.is_array()) throw bad_request(where + ": expected text or a list of blocks", where);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    const RequestFields block(content[i], place);
    const std::string type = block.string_or("type", "");
    if (type != "text") throw bad_request(place + ": this model reads text only, not " + quote(type), place);
    if (i > 0) text += '\n';
    text += block.string_or("text", "");
  }
  return text;
}

/// One of Anthropic's messages as those of a chat: results of tools become messages of their own.
class MessageReader {
 public:
  MessageReader(const Json& message, std::string where, Json& out) : where_(std::move(where)), out_(out) {
    const RequestFields fields(message, where_);
    role_ = fields.string_or("role", "");
    if (role_ != "user" && role_ != "assistant" && role_ != "system")
      fields.refuse("role", "user, assistant or system");
    const Json* content = fields.find("content");
    if (content == nullptr) fields.refuse("content", "text or a list of blocks");
    if (content->is_string()) {
      text_ = content->get<std::string>();
      spoken_ = true;
    } else if (content->is_array()) {
      for (size_t i = 0; i < content->size(); ++i) block((*content)[i], fmt::format("{}.content[{}]", where_, i));
    } else {
      fields.refuse("content", "text or a list of blocks");
    }
    finish();
  }

 private:
  void block(const Json& json, const std::string& place) {
    const RequestFields fields(json, place);
    const std::string type = fields.string_or("type", "");
    if (type == "text") {
      if (!text_.empty()) text_ += '\n';
      text_ += fields.string_or("text", "");
      spoken_ = true;
    } else if (role_ == "assistant" && type == "thinking") {
      thoughts_ += fields.string_or("thinking", "");
    } else if (role_ == "assistant" && type == "redacted_thinking") {
      // Nothing that a model could read.
    } else if (role_ == "assistant" && type == "tool_use") {
      const Json* input = fields.object("input");
      calls_.push_back({{"id", fields.string_or("id", "")},
                        {"type", "function"},
                        {"function",
                         {{"name", fields.string_or("name", "")},
                          {"arguments", input == nullptr ? std::string("{}") : dump_json(*input)}}}});
    } else if (role_ == "user" && type == "tool_result") {
      const Json* content = fields.find("content");
      std::string text = content == nullptr ? "" : text_of(*content, place + ".content");
      if (fields.boolean_or("is_error", false)) text.insert(0, "Error: ");  // there is no other place to say so
      out_.push_back({{"role", "tool"}, {"tool_call_id", fields.string_or("tool_use_id", "")}, {"content", text}});
    } else {
      throw bad_request(fmt::format("{}: a message of {} cannot have a block of type {}", place, role_, quote(type)),
                        place);
    }
  }

  void finish() {
    if (role_ != "assistant") {
      if (spoken_) out_.push_back({{"role", role_}, {"content", text_}});
      return;
    }
    Json message = {{"role", role_}, {"content", text_}};
    if (!thoughts_.empty()) message["reasoning_content"] = thoughts_;
    if (!calls_.empty()) message["tool_calls"] = std::move(calls_);
    out_.push_back(std::move(message));
  }

  std::string where_, role_, text_, thoughts_;
  Json calls_ = Json::array();
  bool spoken_ = false;
  Json& out_;
};

/// OpenAI's spelling of tools and tool_choice, so that both are read by the same rules.
Json openai_tools(const RequestFields& body, const ApiLimits& limits) {
  Json out = Json::object();
  if (const Json* tools = body.array("tools", limits.tools)) {
    out["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      const RequestFields tool((*tools)[i], fmt::format("tools[{}]", i));
      if (tool.string_or("type", "custom") != "custom") tool.refuse("type", "custom: this server runs no tools itself");
      Json function = {{"name", tool.string_or("name", "")}};
      if (const auto text = tool.string("description")) function["description"] = *text;
      if (const Json* schema = tool.object("input_schema")) function["parameters"] = *schema;
      out["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (const Json* choice = body.object("tool_choice")) {
    const RequestFields fields(*choice, "tool_choice");
    const std::string type = fields.string_or("type", "");
    if (type == "tool")
      out["tool_choice"] = {{"type", "function"}, {"function", {{"name", fields.string_or("name", "")}}}};
    else if (type == "any")
      out["tool_choice"] = "required";
    else if (type == "auto" || type == "none")
      out["tool_choice"] = type;
    else
      fields.refuse("type", "auto, any, tool or none");
    out["parallel_tool_calls"] = !fields.boolean_or("disable_parallel_tool_use", false);
  }
  return out;
}

/// output_config, and the older output_format: how hard to think, and the schema that the answer must keep to.
void read_output(const RequestFields& body, ChatPrompt& prompt, ResponseFormat& format) {
  const Json* config = body.object("output_config");
  const Json* given = body.object("output_format");
  if (config != nullptr) {
    const RequestFields fields(*config, "output_config");
    if (const auto effort = fields.string("effort"))
      read_reasoning(RequestFields(Json{{"reasoning_effort", *effort}}), prompt);
    if (const Json* inner = fields.object("format")) given = inner;
  }
  if (given == nullptr) return;
  const RequestFields fields(*given, "output_format");
  if (fields.string_or("type", "") != "json_schema") fields.refuse("type", "json_schema");
  const Json* schema = fields.object("schema");
  if (schema == nullptr) fields.refuse("schema", "a JSON Schema");
  format.kind = ResponseFormat::Kind::json_schema;
  format.schema = *schema;
}

}  // namespace

OpenAiRequest read_anthropic_message(const Json& json, const ApiLimits& limits, bool count_only) {
  const RequestFields body(json);
  OpenAiRequest out;
  if (!count_only && !body.has("max_tokens")) body.refuse("max_tokens", "an integer: Anthropic's protocol requires it");
  read_common(body, limits, out);  // its own fields have OpenAI's names, but for the next one
  out.chat.n = 1;
  std::vector<std::string> stop = body.strings("stop_sequences", limits.stop);
  out.chat.stop.insert(out.chat.stop.end(), stop.begin(), stop.end());

  ChatPrompt prompt;
  const Json* messages = body.array("messages", limits.messages);
  if (messages == nullptr || messages->empty()) body.refuse("messages", "a list of messages that is not empty");
  if (const Json* system = body.find("system"))
    prompt.messages.push_back({{"role", "system"}, {"content", text_of(*system, "system")}});
  for (size_t i = 0; i < messages->size(); ++i)
    MessageReader((*messages)[i], fmt::format("messages[{}]", i), prompt.messages);
  prompt.continue_last = messages->back()["role"] == "assistant";

  const Json tools = openai_tools(body, limits);
  read_tools(RequestFields(tools), limits, prompt);
  read_reasoning(body, prompt);
  read_output(body, prompt, out.chat.format);
  out.chat.prompt = std::move(prompt);
  return out;
}

HttpResponse anthropic_error(const HttpError& error) {
  const auto [status, type] = [&]() -> std::pair<int, const char*> {
    switch (error.status) {
      case 401: return {401, "authentication_error"};
      case 403: return {403, "permission_error"};
      case 404: return {404, "not_found_error"};
      case 413: return {413, "request_too_large"};
      case 429: return {429, "rate_limit_error"};
      case 503: return {529, "overloaded_error"};
      default: return {error.status, error.status < 500 ? "invalid_request_error" : "api_error"};
    }
  }();
  HttpResponse response =
      json_response(status, {{"type", "error"}, {"error", {{"type", type}, {"message", error.what()}}}});
  for (const auto& [name, value] : error.headers) response.headers.add(name, value);
  return response;
}

}  // namespace dure

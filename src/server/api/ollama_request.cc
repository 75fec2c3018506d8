#include "server/api/ollama_request.h"

#include "base/error.h"

namespace dure {
namespace {

/// `options` under the names that read_common knows. Those of the engine that it does not have are left out.
Json common_fields(const RequestFields& body) {
  Json out = Json::object();
  const Json* given = body.object("options");
  if (given != nullptr) {
    const RequestFields options(*given, "options");
    for (const char* name : {"temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop", "repeat_penalty",
                             "presence_penalty", "frequency_penalty"})
      if (const Json* value = options.find(name)) out[name] = *value;
    // -1 and -2: as much as fits.
    if (const auto most = options.integer("num_predict", -2, INT32_MAX); most && *most > 0) out["max_tokens"] = *most;
  }
  if (const Json* model = body.find("model")) out["model"] = *model;
  return out;
}

void read_options(const RequestFields& body, const ApiLimits& limits, OllamaRequest& out) {
  const Json fields = common_fields(body);
  read_common(RequestFields(fields), limits, out);
  out.form.stream = body.boolean_or("stream", true);
  if (const Json* format = body.find("format"); format != nullptr && *format != "") {
    if (format->is_object()) {
      out.chat.format.kind = ResponseFormat::Kind::json_schema;
      out.chat.format.schema = *format;
    } else if (*format == "json") {
      out.chat.format.kind = ResponseFormat::Kind::json_object;
    } else {
      body.refuse("format", "json or a JSON Schema");
    }
  }
  const Json* keep = body.find("keep_alive");  // seconds, or a duration such as "5m"
  out.unload = keep != nullptr && (*keep == 0 || *keep == "0" || *keep == "0s");
}

void refuse_images(const RequestFields& fields) {
  const Json* images = fields.array("images", 1024);
  if (images != nullptr && !images->empty()) fields.refuse("images", "none: this model reads text only");
}

/// true, false, or how hard to think.
void read_think(const RequestFields& body, ChatPrompt& prompt) {
  const Json* think = body.find("think");
  if (think == nullptr) return;
  if (think->is_boolean()) {
    prompt.thinking = think->get<bool>();
  } else {
    prompt.thinking = true;
    const Json effort = {{"reasoning_effort", *think}};
    read_reasoning(RequestFields(effort), prompt);
  }
}

Json chat_message(const Json& json, const std::string& where) {
  const RequestFields message(json, where);
  refuse_images(message);
  Json out = {{"role", message.string_or("role", "")}, {"content", message.string_or("content", "")}};
  if (const auto thoughts = message.string("thinking"); thoughts && !thoughts->empty())
    out["reasoning_content"] = *thoughts;
  for (const char* name : {"tool_calls", "tool_call_id"})  // arguments are objects here, which is well
    if (const Json* value = message.find(name)) out[name] = *value;
  return out;
}

}  // namespace

OllamaRequest read_ollama_chat(const Json& json, const ApiLimits& limits) {
  const RequestFields body(json);
  OllamaRequest out;
  read_options(body, limits, out);
  ChatPrompt prompt;
  prompt.messages = Json::array();
  if (const Json* messages = body.array("messages", limits.messages))
    for (size_t i = 0; i < messages->size(); ++i)
      prompt.messages.push_back(chat_message((*messages)[i], fmt::format("messages[{}]", i)));
  out.empty = prompt.messages.empty();
  prompt.continue_last = !out.empty && prompt.messages.back()["role"] == "assistant";
  Json tools = Json::object();
  if (const Json* list = body.find("tools")) tools["tools"] = *list;
  read_tools(RequestFields(tools), limits, prompt);
  read_think(body, prompt);
  out.chat.prompt = std::move(prompt);
  return out;
}

OllamaRequest read_ollama_generate(const Json& json, const ApiLimits& limits) {
  const RequestFields body(json);
  OllamaRequest out;
  read_options(body, limits, out);
  refuse_images(body);
  const std::string text = body.string_or("prompt", "");
  const auto suffix = body.string("suffix");
  out.empty = text.empty() && !suffix;
  if (suffix && !suffix->empty()) {
    out.chat.prompt = TextPrompt{text, *suffix};
  } else if (body.boolean_or("raw", false)) {
    out.chat.prompt = TextPrompt{text};
  } else {
    ChatPrompt prompt;
    prompt.messages = Json::array();
    if (const auto system = body.string("system"); system && !system->empty())
      prompt.messages.push_back({{"role", "system"}, {"content", *system}});
    prompt.messages.push_back({{"role", "user"}, {"content", text}});
    read_think(body, prompt);
    out.chat.prompt = std::move(prompt);
  }
  return out;
}

HttpResponse ollama_error(const HttpError& error) {
  HttpResponse response = json_response(error.status, {{"error", error.what()}});
  for (const auto& [name, value] : error.headers) response.headers.add(name, value);
  return response;
}

}  // namespace dure

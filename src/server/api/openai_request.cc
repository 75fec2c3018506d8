#include "server/api/openai_request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace dure {
namespace {

std::optional<float> as_float(std::optional<double> x) {
  return x ? std::optional(static_cast<float>(*x)) : std::nullopt;
}
std::optional<int> as_int(std::optional<int64_t> x) { return x ? std::optional(static_cast<int>(*x)) : std::nullopt; }

constexpr int64_t kMany = 1 << 24;

void read_logit_bias(const RequestFields& body, const ApiLimits& limits, SamplingOverrides& sampling) {
  const Json* bias = body.object("logit_bias");
  if (bias == nullptr) return;
  if (bias->size() > limits.logit_bias) body.refuse("logit_bias", fmt::format("at most {} ids", limits.logit_bias));
  for (const auto& [key, value] : bias->items()) {
    int id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0)
      body.refuse("logit_bias", "token ids as names, not " + quote(key));
    const double x = value.is_number() ? value.get<double>() : 1e9;
    if (!(x >= -100 && x <= 100)) body.refuse("logit_bias", "numbers from -100 to 100");
    sampling.logit_bias.emplace_back(id, static_cast<float>(x));
  }
}

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
           c == '.';
  });
}

ToolChoice read_tool_choice(const RequestFields& body, const Json& tools) {
  const Json* choice = body.find("tool_choice");
  if (choice == nullptr) return {};
  const auto named = [&](const Json& item, const std::string& where) {
    const RequestFields entry(item, where);
    const Json* function = entry.object("function");
    const std::string name = function != nullptr ? RequestFields(*function, where + ".function").string_or("name", "")
                                                 : entry.string_or("name", "");
    const bool known = std::ranges::any_of(tools, [&](const Json& t) { return t["function"]["name"] == name; });
    if (!known) throw bad_request(fmt::format("{}: there is no tool {}", where, quote(name)), "tool_choice");
    return name;
  };
  if (choice->is_string()) {
    const auto& text = choice->get_ref<const std::string&>();
    if (text == "none") return {ToolChoice::Kind::none};
    if (text == "auto") return {};
    if (text != "required" && text != "any") body.refuse("tool_choice", "none, auto, required or a function");
    if (tools.empty()) throw bad_request("tool_choice: required, but there are no tools", "tool_choice");
    return {ToolChoice::Kind::required};
  }
  if (!choice->is_object()) body.refuse("tool_choice", "none, auto, required or a function");
  const RequestFields fields(*choice, "tool_choice");
  const std::string type = fields.string_or("type", "function");
  if (type == "function") return {ToolChoice::Kind::required, {named(*choice, "tool_choice")}};
  if (type != "allowed_tools") body.refuse("tool_choice.type", "function or allowed_tools");
  const Json* inner = fields.object("allowed_tools");
  const RequestFields allowed(inner != nullptr ? *inner : *choice, "tool_choice");
  ToolChoice result;
  if (allowed.string_or("mode", "auto") == "required") result.kind = ToolChoice::Kind::required;
  if (const Json* list = allowed.array("tools", 128))
    for (const Json& item : *list) result.allowed.push_back(named(item, "tool_choice"));
  return result;
}

}  // namespace

void read_common(const RequestFields& body, const ApiLimits& limits, OpenAiRequest& out) {
  SamplingOverrides& s = out.chat.sampling;
  s.temperature = as_float(body.number("temperature", 0, 2));
  s.top_p = as_float(body.number("top_p", 0, 1));
  s.min_p = as_float(body.number("min_p", 0, 1));
  s.typical_p = as_float(body.number("typical_p", 0, 1));
  s.presence_penalty = as_float(body.number("presence_penalty", -2, 2));
  s.frequency_penalty = as_float(body.number("frequency_penalty", -2, 2));
  s.repetition_penalty =
      as_float(body.number(body.has("repetition_penalty") ? "repetition_penalty" : "repeat_penalty", 0.01, 100));
  s.top_k = as_int(body.integer("top_k", -1, kMany));
  s.min_tokens = as_int(body.integer("min_tokens", 0, kMany));
  if (const auto seed = body.integer("seed", INT64_MIN, INT64_MAX)) s.seed = static_cast<uint64_t>(*seed);
  s.ignore_eos = body.boolean_or("ignore_eos", false);
  for (const char* name : {"max_tokens", "max_completion_tokens"})  // the smaller one wins
    if (const auto limit = as_int(body.integer(name, 1, INT32_MAX)))
      s.max_tokens = std::min(*limit, s.max_tokens.value_or(*limit));
  if (s.min_tokens && s.max_tokens) s.min_tokens = std::min(*s.min_tokens, *s.max_tokens);
  read_logit_bias(body, limits, s);
  if (const Json* ids = body.array("stop_token_ids", 1024)) s.stop_token_ids = token_ids(*ids, "stop_token_ids");
  out.chat.stop = body.strings("stop", limits.stop);
  out.chat.n = static_cast<int>(body.integer("n", 1, limits.choices).value_or(1));
  out.chat.priority = static_cast<int>(body.integer("priority", -1000, 1000).value_or(0));
  out.form.model = body.string_or("model", "");
  out.form.stream = body.boolean_or("stream", false);
  if (const Json* options = body.object("stream_options"))
    out.form.usage = RequestFields(*options, "stream_options").boolean_or("include_usage", false);
  out.form.progress = body.boolean_or("return_progress", false);
  out.form.timings = body.boolean_or("timings_per_token", false);
}

ResponseFormat read_response_format(const RequestFields& body) {
  ResponseFormat format;
  const auto schema = [&](const Json& s) {
    format.kind = ResponseFormat::Kind::json_schema;
    format.schema = s;
  };
  if (const Json* given = body.object("response_format")) {
    const RequestFields fields(*given, "response_format");
    const std::string type = fields.string_or("type", "");
    if (type == "json_object") {
      format.kind = ResponseFormat::Kind::json_object;
      if (const Json* s = fields.object("schema")) schema(*s);
    } else if (type == "json_schema") {
      const Json* inner = fields.object("json_schema");
      if (inner == nullptr) fields.refuse("json_schema", "an object with a schema");
      const RequestFields named(*inner, "response_format.json_schema");
      const Json* s = named.find("schema");
      if (s == nullptr) named.refuse("schema", "a JSON Schema");
      schema(*s);
    } else if (type != "text") {
      fields.refuse("type", "text, json_object or json_schema");
    }
  }
  if (const Json* s = body.find("json_schema")) schema(*s);
  for (const auto& [name, kind] :
       {std::pair("grammar", ResponseFormat::Kind::gbnf), std::pair("guided_regex", ResponseFormat::Kind::regex)})
    if (const auto text = body.string(name); text && !text->empty()) {
      format.kind = kind;
      format.grammar = *text;
    }
  return format;
}

void read_tools(const RequestFields& body, const ApiLimits& limits, ChatPrompt& prompt) {
  const Json* tools = body.array("tools", limits.tools);
  prompt.parallel_tool_calls = body.boolean_or("parallel_tool_calls", true);
  Json list = Json::array();
  for (size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    const std::string where = fmt::format("tools[{}]", i);
    const RequestFields tool((*tools)[i], where);
    if (tool.string_or("type", "function") != "function") tool.refuse("type", "function");
    const Json* function = tool.object("function");
    if (function == nullptr) tool.refuse("function", "an object");
    const RequestFields fields(*function, where + ".function");
    const std::string name = fields.string_or("name", "");
    if (!is_function_name(name)) fields.refuse("name", "1 to 64 letters, digits, '_' or '-'");
    fields.object("parameters");
    Json kept = {{"type", "function"}, {"function", *function}};
    if (!fields.has("parameters"))  // a function without any
      kept["function"]["parameters"] = {
          {"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
    list.push_back(std::move(kept));
  }
  prompt.tool_choice = read_tool_choice(body, list);
  if (!list.empty()) prompt.tools = std::move(list);
}

void read_reasoning(const RequestFields& body, ChatPrompt& prompt) {
  if (const Json* thinking = body.find("thinking")) {
    if (thinking->is_boolean()) {
      prompt.thinking = thinking->get<bool>();
    } else {
      const RequestFields fields(*thinking, "thinking");
      const std::string type = fields.string_or("type", "");
      if (type != "enabled" && type != "disabled" && type != "adaptive") fields.refuse("type", "enabled or disabled");
      prompt.thinking = type != "disabled";
      if (const auto budget = fields.integer("budget_tokens", 1, kMany))
        prompt.reasoning_budget = static_cast<int>(*budget);
    }
  }
  for (const char* name : {"think", "enable_thinking"})
    if (const Json* flag = body.find(name); flag != nullptr && flag->is_boolean()) prompt.thinking = flag->get<bool>();
  if (const Json* given = body.object("chat_template_kwargs")) {
    prompt.template_arguments = *given;
    for (const char* name : {"thinking", "enable_thinking"})
      if (const auto flag = RequestFields(*given, "chat_template_kwargs").boolean(name)) prompt.thinking = *flag;
  }
  const Json* reasoning = body.object("reasoning");  // OpenRouter's and Responses' spelling
  const auto effort =
      reasoning != nullptr ? RequestFields(*reasoning, "reasoning").string("effort") : body.string("reasoning_effort");
  if (effort) {
    constexpr std::array kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    if (std::ranges::find(kEfforts, *effort) == kEfforts.end())
      body.refuse("reasoning_effort", "none, minimal, low, medium, high, xhigh or max");
    if (*effort == "none") prompt.thinking = false;
    // DeepSeek knows two levels.
    prompt.reasoning_effort = *effort == "none" ? "" : *effort == "xhigh" || *effort == "max" ? "max" : "high";
  }
  for (const char* name : {"reasoning_budget", "thinking_budget"})
    if (const auto budget = body.integer(name, -1, kMany); budget && *budget >= 0)
      prompt.reasoning_budget = static_cast<int>(*budget);
}

OpenAiRequest read_chat_completion(const Json& json, const ApiLimits& limits) {
  const RequestFields body(json);
  OpenAiRequest out;
  ChatPrompt prompt;
  const Json* messages = body.array("messages", limits.messages);
  if (messages == nullptr || messages->empty()) body.refuse("messages", "a list of messages that is not empty");
  for (size_t i = 0; i < messages->size(); ++i) {
    const RequestFields message((*messages)[i], fmt::format("messages[{}]", i));
    if (!message.string("role")) message.refuse("role", "system, developer, user, assistant or tool");
  }
  prompt.messages = *messages;
  prompt.continue_last =
      body.boolean_or("continue_final_message", false) || RequestFields(messages->back()).boolean_or("prefix", false);
  read_common(body, limits, out);
  read_tools(body, limits, prompt);
  read_reasoning(body, prompt);
  if (const Json* modalities = body.array("modalities", 8);
      modalities != nullptr && *modalities != Json::array({"text"}))
    body.refuse("modalities", R"(["text"])");
  const auto top = body.integer("top_logprobs", 0, 20);
  out.form.logprobs = body.boolean_or("logprobs", false);
  if (top && *top > 0 && !out.form.logprobs) body.refuse("top_logprobs", "logprobs: true beside it");
  if (out.form.logprobs) out.chat.sampling.logprobs = static_cast<int>(top.value_or(0));
  out.chat.format = read_response_format(body);
  out.chat.prompt = std::move(prompt);
  return out;
}

}  // namespace dure

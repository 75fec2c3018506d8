#include "server/api/completion_request.h"

#include "base/error.h"

namespace dure {
namespace {

constexpr size_t kMostPrompts = 64;
constexpr const char* kPrompt = "text, token ids, or a list of up to 64 of them";

/// Each prompt of the body, as text or as ids.
std::vector<std::variant<ChatPrompt, TextPrompt, std::vector<int>>> read_prompts(const RequestFields& body) {
  const Json* given = body.find("prompt");
  if (given == nullptr) body.refuse("prompt", kPrompt);
  auto suffix = body.string("suffix");
  if (suffix && suffix->empty()) suffix.reset();  // OpenAI's default

  std::vector<std::variant<ChatPrompt, TextPrompt, std::vector<int>>> prompts;
  const auto add = [&](const Json& item) {
    if (item.is_string())
      prompts.emplace_back(TextPrompt{item.get<std::string>(), suffix});
    else if (item.is_array() && !item.empty())
      prompts.emplace_back(token_ids(item, "prompt"));
    else
      body.refuse("prompt", kPrompt);
  };
  if (!given->is_array() || given->empty() || given->front().is_number()) {
    add(*given);
  } else {
    body.array("prompt", kMostPrompts);
    for (const Json& item : *given) add(item);
  }
  return prompts;
}

}  // namespace

CompletionRequest read_completion(const Json& json, const ApiLimits& limits) {
  const RequestFields body(json);
  CompletionRequest out;
  OpenAiRequest common;
  ChatRequest& chat = common.chat;
  // lm-evaluation-harness asks for 0 tokens beside echo.
  out.echo = body.boolean_or("echo", false);
  Json without = Json::object();
  if (const Json* most = body.find("max_tokens"); out.echo && most != nullptr && *most == 0) {
    out.nothing = true;
    without = json;
    without.erase("max_tokens");
  }
  read_common(out.nothing ? RequestFields(without) : body, limits, common);
  if (!chat.sampling.max_tokens) chat.sampling.max_tokens = 16;  // as OpenAI has it
  if (const auto best = body.integer("best_of", 1, 1 << 20); best && *best > chat.n)
    body.refuse("best_of", "at most n");
  const auto logprobs = body.integer("logprobs", 0, 20);
  common.form.logprobs = logprobs.has_value();
  if (logprobs) chat.sampling.logprobs = static_cast<int>(*logprobs);
  chat.format = read_response_format(body);
  for (auto& prompt : read_prompts(body)) {
    chat.prompt = std::move(prompt);
    out.prompts.push_back(chat);
  }
  out.form = common.form;
  out.n = chat.n;
  return out;
}

}  // namespace dure

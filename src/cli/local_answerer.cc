#include "cli/local_answerer.h"

#include "base/error.h"
#include "base/json.h"

namespace dure {

RenderedPrompt LocalAnswerer::prompt(const Conversation& conversation, const Settings& settings) const {
  if (assistant_.renderer() != nullptr)
    return assistant_.chat_prompt(conversation.messages(), thinking_flags(settings.thinking));
  RenderedPrompt raw;
  raw.ids = assistant_.raw_prompt(conversation.turns().back().question);
  return raw;
}

GenerationResult LocalAnswerer::answer(const Conversation& conversation, const Settings& settings,
                                       const AnswerWatch& watch) {
  RenderedPrompt rendered = prompt(conversation, settings);
  require(
      rendered.ids.size() < static_cast<size_t>(context()),
      "the conversation would take {} of the context's {} tokens and leave no room for an answer: a shorter message, "
      "/undo or /clear makes room",
      rendered.ids.size(), context());

  AnswerParser parser(no_tool_format(), rendered.in_reasoning ? AnswerStart::reasoning : AnswerStart::text);
  int tokens = 0;
  const auto show = [&](const std::vector<AnswerDelta>& parts, int so_far) {
    for (const AnswerDelta& part : parts) watch.on_delta(part, so_far);
  };
  Generation g;
  g.sampling = settings.sampling;
  g.stop = settings.stop;
  g.continues = assistant_.renderer() == nullptr;
  g.on_prefill = watch.on_prefill;
  g.on_text = [&](const std::string& text) {
    show(parser.push(text), tokens + 1);
    return true;
  };
  g.on_step = [&](int so_far) {
    tokens = so_far;
    return !watch.stopped();
  };
  const GenerationResult result = assistant_.generate(std::move(rendered.ids), g);
  show(parser.finish(), result.completion_tokens);
  return result;
}

std::optional<int> LocalAnswerer::count_tokens(const std::string& text) {
  return static_cast<int>(assistant_.tokenizer().encode(text, {.parse_special = false}).size());
}

Answerer::ThinkingSwitch LocalAnswerer::thinking_switch() {
  if (assistant_.renderer() == nullptr) return ThinkingSwitch::none;
  const Json probe = {{{"role", "user"}, {"content", "?"}}};
  const auto text = [&](bool thinking) { return assistant_.chat_prompt(probe, thinking_flags(thinking)).text; };
  return text(true) == text(false) ? ThinkingSwitch::ignored : ThinkingSwitch::works;
}

}  // namespace dure

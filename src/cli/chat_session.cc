#include "cli/chat_session.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/error.h"
#include "base/json.h"
#include "cli/chat_commands.h"
#include "cli/model_options.h"
#include "cli/terminal.h"

namespace dure {

ChatSession::ChatSession(Assistant& a, std::string name, const ViewStyle& s, Settings chosen)
    : assistant(a), model_name(std::move(name)), style(s), settings(chosen), defaults(std::move(chosen)) {}

void ChatSession::note(const std::string& line) const {
  if (!style.terminal) {
    fmt::print(stderr, "dure: {}\n", line);
  } else if (style.colour) {
    write_out(fmt::format("{}{}{}\n", kDim, printable(line), kPlain));
  } else {
    write_out(printable(line) + "\n");
  }
}

Json ChatSession::flags() const {
  if (!settings.thinking) return Json::object();
  return {{"enable_thinking", *settings.thinking}, {"thinking", *settings.thinking}};  // Qwen's name, DeepSeek's name
}

ChatSession::Outcome ChatSession::take(const std::string& line) {
  const Conversation before = conversation;
  try {
    if (line.starts_with('/') && !line.starts_with("//")) return run_chat_command(*this, line);
    conversation.ask(line.starts_with('/') ? line.substr(1) : line);
    return answer();
  } catch (const Error& e) {
    conversation = before;
    note(e.what());
    return Outcome::failed;
  }
}

std::vector<int> ChatSession::prompt(bool& in_reasoning) const {
  in_reasoning = false;
  if (assistant.renderer() == nullptr) return assistant.raw_prompt(conversation.turns().back().question);
  RenderedPrompt prompt = assistant.chat_prompt(conversation.messages(), flags());
  in_reasoning = prompt.in_reasoning;
  return std::move(prompt.ids);
}

ChatSession::Outcome ChatSession::answer() {
  bool in_reasoning = false;
  std::vector<int> ids = prompt(in_reasoning);
  const int context = assistant.engine().max_model_len();
  require(
      ids.size() < static_cast<size_t>(context),
      "the conversation would take {} of the context's {} tokens and leave no room for an answer: a shorter message, "
      "/undo or /clear makes room",
      ids.size(), context);

  std::optional<InterruptGuard> guard;
  if (style.terminal) guard.emplace();
  AnswerParser parser(no_tool_format(), in_reasoning ? AnswerStart::reasoning : AnswerStart::text);
  AnswerView view(style);
  std::string content, reasoning;
  int tokens = 0;
  const auto show = [&](const std::vector<AnswerDelta>& parts, int so_far) {
    for (const AnswerDelta& part : parts) {
      (part.kind == AnswerDelta::Kind::reasoning ? reasoning : content) += part.text;
      view.show(part, so_far);
    }
  };
  ProgressBar reading("reading the prompt");
  Generation g;
  g.sampling = settings.sampling;
  g.stop = settings.stop;
  g.continues = assistant.renderer() == nullptr;
  g.on_prefill = [&](int done, int total) { done == total ? reading.finish() : reading.update(done, total); };
  g.on_text = [&](const std::string& text) {
    show(parser.push(text), tokens + 1);
    return true;
  };
  g.on_step = [&](int so_far) {
    tokens = so_far;
    return !guard || !guard->interrupted();
  };
  const GenerationResult result = assistant.generate(std::move(ids), g);
  reading.finish();
  show(parser.finish(), result.completion_tokens);
  view.finish(result.completion_tokens);

  const bool interrupted = result.reason == FinishReason::cancelled;
  if (interrupted && result.completion_tokens == 0) {
    conversation.undo();
    note("(stopped before the answer began; the message was taken back)");
    return Outcome::interrupted;
  }
  conversation.answer(content, reasoning);
  report(result);
  return interrupted ? Outcome::interrupted : Outcome::done;
}

void ChatSession::report(const GenerationResult& r) {
  const int context = assistant.engine().max_model_len();
  totals.answers += 1;
  totals.tokens += r.completion_tokens;
  totals.decode_seconds += r.decode_seconds;
  totals.context = r.prompt_tokens + r.completion_tokens;
  totals.last = r;
  if (r.reason == FinishReason::cancelled) note("(stopped)");
  if (r.reason == FinishReason::length) {
    note(totals.context >= context
             ? "(cut off: the context is full; /undo takes the last exchange back, /clear starts anew)"
             : "(cut off at max_tokens)");
  }
  if (!style.terminal) return;
  note(
      fmt::format("{} tokens, {:.1f} tokens/s | prompt {} tokens, {} of them known, {:.1f} tokens/s | context {} of {}",
                  r.completion_tokens, r.decode_rate(), r.prompt_tokens, r.cached_tokens, r.prefill_rate(),
                  totals.context, context));
}

}  // namespace dure

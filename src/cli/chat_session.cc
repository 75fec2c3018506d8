#include "cli/chat_session.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/error.h"
#include "cli/chat_commands.h"
#include "cli/model_options.h"
#include "cli/terminal.h"

namespace dure {

ChatSession::ChatSession(Answerer& a, const ViewStyle& s, Settings chosen)
    : answerer(a), style(s), settings(chosen), defaults(std::move(chosen)) {}

void ChatSession::note(const std::string& line) const {
  if (!style.terminal) {
    fmt::print(stderr, "dure: {}\n", line);
  } else if (style.colour) {
    write_out(fmt::format("{}{}{}\n", kDim, printable(line), kPlain));
  } else {
    write_out(printable(line) + "\n");
  }
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

ChatSession::Outcome ChatSession::answer() {
  std::optional<InterruptGuard> guard;
  if (style.terminal) guard.emplace();
  AnswerView view(style);
  std::string content, reasoning;
  ProgressBar reading("reading the prompt");
  AnswerWatch watch;
  watch.on_prefill = [&](int done, int total) { done == total ? reading.finish() : reading.update(done, total); };
  watch.on_delta = [&](const AnswerDelta& part, int tokens) {
    reading.finish();
    (part.kind == AnswerDelta::Kind::reasoning ? reasoning : content) += part.text;
    view.show(part, tokens);
  };
  watch.stopped = [&] { return guard && guard->interrupted(); };
  const GenerationResult result = answerer.answer(conversation, settings, watch);
  reading.finish();
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
  const int context = answerer.context();
  totals.answers += 1;
  totals.tokens += r.completion_tokens;
  totals.decode_seconds += r.decode_seconds;
  totals.context = r.prompt_tokens + r.completion_tokens;
  totals.last = r;
  if (r.reason == FinishReason::cancelled) note("(stopped)");
  if (r.reason == FinishReason::length) {
    note(context > 0 && totals.context >= context
             ? "(cut off: the context is full; /undo takes the last exchange back, /clear starts anew)"
             : "(cut off at max_tokens)");
  }
  if (!style.terminal) return;
  std::string line = fmt::format("{} tokens, {:.1f} tokens/s", r.completion_tokens, r.decode_rate());
  if (r.prompt_tokens > 0)  // a server does not tell it of an answer that was stopped
    line += fmt::format(" | prompt {} tokens, {} of them known, {:.1f} tokens/s | context {}", r.prompt_tokens,
                        r.cached_tokens, r.prefill_rate(), context_text());
  note(line);
}

std::string ChatSession::context_text() const {
  const int context = answerer.context();
  const int used = conversation.empty() ? 0 : totals.context;
  return context > 0 ? fmt::format("{} of {}", used, context) : fmt::format("{}", used);
}

}  // namespace dure

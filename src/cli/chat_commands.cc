#include "cli/chat_commands.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/model_options.h"

namespace dure {
namespace {

using Outcome = ChatSession::Outcome;

std::filesystem::path path_of(const std::string& argument, const char* command) {
  require(!argument.empty(), "name a file: {} FILE", command);
  const char* home = std::getenv("HOME");
  if (argument.starts_with("~/") && home != nullptr) return std::filesystem::path(home) / argument.substr(2);
  return argument;
}

Outcome system_message(ChatSession& s, const std::string& argument) {
  if (argument.empty()) {
    s.note(s.conversation.system().empty() ? "no system message" : s.conversation.system());
    return Outcome::done;
  }
  s.conversation.set_system(argument == "\"\"" || argument == "''" ? "" : argument);
  s.note(s.conversation.system().empty() ? "system message cleared" : "system message set");
  return Outcome::done;
}

Outcome set_thinking(ChatSession& s, bool thinking) {
  using Switch = Answerer::ThinkingSwitch;
  const Switch works = s.answerer.thinking_switch();
  require(works != Switch::none, "this model has no chat template, so nothing tells it to think or not");
  s.settings.thinking = thinking;
  if (works == Switch::works) {
    s.note(thinking ? "the model is asked to think first" : "the model is asked to answer at once");
  } else if (!s.told_about_flags) {
    s.note("this model's chat template has no switch for thinking: its prompts stay the same");
    s.told_about_flags = true;
  }
  return Outcome::done;
}

Outcome think(ChatSession& s, const std::string&) { return set_thinking(s, true); }
Outcome nothink(ChatSession& s, const std::string&) { return set_thinking(s, false); }

Outcome fold(ChatSession& s, const std::string&) {
  s.style.fold = !s.style.fold;
  s.note(s.style.fold ? "thoughts are folded to one line" : "thoughts are shown");
  if (!s.style.fold && !s.conversation.empty() && !s.conversation.turns().back().reasoning.empty())
    s.note(s.conversation.turns().back().reasoning);
  return Outcome::done;
}

Outcome set(ChatSession& s, const std::string& argument) {
  if (argument.empty()) {
    const Json settings = settings_json(s.settings);
    for (const auto& [name, value] : settings.items())
      s.note(fmt::format("{:20} {}", name, value.is_null() ? "none" : dump_json(value)));
    if (s.settings.only_chosen) s.note("what is not listed is as the server has it");
    return Outcome::done;
  }
  const size_t space = argument.find_first_of(" =");
  require(space != std::string::npos, "give a value: /set {} VALUE; /set alone lists what there is", argument);
  const std::string name = argument.substr(0, space);
  const size_t value = argument.find_first_not_of(" =", space);
  require(value != std::string::npos, "give a value: /set {} VALUE, or none", name);
  change_setting(s.settings, name, setting_value(argument.substr(value)), s.answerer.vocab_size());
  s.note(fmt::format("{} is {}", name, dump_json(settings_json(s.settings)[name])));
  return Outcome::done;
}

Outcome regen(ChatSession& s, const std::string&) {
  require(s.conversation.retract(), "there is no answer to make anew");
  return s.answer();
}

Outcome undo(ChatSession& s, const std::string&) {
  require(s.conversation.undo(), "there is nothing to undo");
  s.note(fmt::format("the last message and its answer are forgotten; {} left", s.conversation.turns().size()));
  return Outcome::done;
}

Outcome save(ChatSession& s, const std::string& argument) {
  const std::filesystem::path path = path_of(argument, "/save");
  save_chat(path, {s.conversation, s.settings});
  s.note(fmt::format("saved {} messages and their answers to {}", s.conversation.turns().size(), path.string()));
  return Outcome::done;
}

Outcome load(ChatSession& s, const std::string& argument) {
  SavedChat chat = load_chat(path_of(argument, "/load"), s.defaults, s.answerer.vocab_size());
  s.conversation = std::move(chat.conversation);
  s.settings = std::move(chat.settings);
  s.note(fmt::format("loaded {} messages and their answers", s.conversation.turns().size()));
  return Outcome::done;
}

Outcome attach_file(ChatSession& s, const std::string& argument) {
  const std::filesystem::path path = path_of(argument, "/file");
  const int context = s.answerer.context();
  // More bytes than any token of ordinary text stands for, so that nothing huge is read only to be refused.
  constexpr size_t kBytesPerToken = 128, kUnknownContext = 1 << 16;
  const std::string text =
      read_file(path, (context > 0 ? static_cast<size_t>(context) : kUnknownContext) * kBytesPerToken);
  require(is_utf8(text) && text.find('\0') == std::string::npos, "{}: not a text file (expected UTF-8)", path.string());
  const std::optional<int> tokens = s.answerer.count_tokens(text);
  const int used = s.conversation.empty() ? 0 : s.totals.context;
  require(!tokens || context == 0 || *tokens < context - used,
          "{}: {} tokens, but only {} of the context's {} are free", path.string(), tokens.value_or(0), context - used,
          context);
  s.conversation.attach(path.filename().string(), text);
  s.note(fmt::format("{} ({}) goes with your next message", path.filename().string(),
                     tokens ? fmt::format("{} tokens", *tokens) : bytes_text(static_cast<int64_t>(text.size()))));
  return Outcome::done;
}

Outcome stats(ChatSession& s, const std::string&) {
  const ChatSession::Totals& t = s.totals;
  s.note(fmt::format("context      {} tokens", s.context_text()));
  if (const int64_t bytes = s.answerer.cache_bytes(); bytes > 0)
    s.note(fmt::format("KV cache     {}", bytes_text(bytes)));
  s.note(fmt::format("answers      {}, {} tokens in {:.1f} s", t.answers, t.tokens, t.decode_seconds));
  if (t.answers == 0) return Outcome::done;
  s.note(fmt::format("last prompt  {} tokens, {} of them known, {:.1f} tokens/s", t.last.prompt_tokens,
                     t.last.cached_tokens, t.last.prefill_rate()));
  s.note(fmt::format("last answer  {} tokens, {:.1f} tokens/s", t.last.completion_tokens, t.last.decode_rate()));
  return Outcome::done;
}

Outcome clear(ChatSession& s, const std::string&) {
  s.conversation.clear();
  s.note("the conversation starts anew");
  return Outcome::done;
}

Outcome leave(ChatSession& s, const std::string&) {
  s.leave = true;
  return Outcome::done;
}

Outcome help(ChatSession& s, const std::string&);

struct Command {
  std::string_view name, argument, help;
  Outcome (*run)(ChatSession&, const std::string& argument);
};

constexpr Command kCommands[] = {
    {"/help", "", "this list", help},
    {"/system", "[TEXT]", "set the system message; alone shows it, \"\" clears it", system_message},
    {"/file", "PATH", "put the text of a file before the next message", attach_file},
    {"/think", "", "ask the model to think before it answers", think},
    {"/nothink", "", "ask the model to answer at once", nothink},
    {"/fold", "", "show thoughts in one line, or in full again", fold},
    {"/set", "[NAME VALUE]", "change a setting (temperature, max_tokens, seed, stop, ...); alone lists them", set},
    {"/regen", "", "answer the last message anew", regen},
    {"/undo", "", "forget the last message and its answer", undo},
    {"/clear", "", "forget the conversation; system message and settings stay", clear},
    {"/save", "FILE", "save the conversation and its settings", save},
    {"/load", "FILE", "go on with a saved conversation", load},
    {"/stats", "", "tokens, speed and memory", stats},
    {"/exit", "", "leave, as Ctrl-D does", leave},
};

Outcome help(ChatSession& s, const std::string&) {
  for (const Command& c : kCommands) s.note(fmt::format("{:8} {:13} {}", c.name, c.argument, c.help));
  s.note("A backslash at the end of a line, or Alt-Enter, continues the message. Ctrl-C stops an answer.");
  s.note("A message that starts with // is sent with one slash.");
  return Outcome::done;
}

}  // namespace

Outcome run_chat_command(ChatSession& session, const std::string& line) {
  const size_t space = std::min(line.find_first_of(" \t\n"), line.size());
  const size_t begin = line.find_first_not_of(" \t\n", space);
  const size_t end = line.find_last_not_of(" \t\n");
  const std::string name = line.substr(0, space);
  const std::string argument = begin == std::string::npos ? "" : line.substr(begin, end + 1 - begin);
  for (const Command& c : kCommands) {
    if (c.name != name) continue;
    require(argument.empty() || !c.argument.empty(), "{} takes no argument", name);
    return c.run(session, argument);
  }
  fail("there is no command {}; /help lists them", quote(name));
}

}  // namespace dure

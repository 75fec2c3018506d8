#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "cli/app.h"
#include "cli/chat_session.h"
#include "cli/line_editor.h"
#include "cli/local_answerer.h"
#include "cli/model_options.h"
#include "cli/remote_answerer.h"
#include "cli/server_options.h"
#include "cli/terminal.h"

namespace dure {
namespace {

constexpr const char* kNoTemplate = "this model has no chat template: it continues each text that you enter";

/// A person at a terminal.
void converse(ChatSession& session) {
  History history(default_history_file());
  Terminal terminal;
  LineEditor editor(terminal, history);
  bool interrupted = false;  // by the last thing that happened: once more leaves
  while (!session.leave) {
    const LineEditor::Line line = editor.read("> ", session.style.colour ? std::string(kBold) : "");
    if (line.outcome == LineEditor::Outcome::end) return;
    if (line.outcome == LineEditor::Outcome::interrupted) {
      if (interrupted) return;
      session.note("(Ctrl-C again or Ctrl-D leaves)");
      interrupted = true;
      continue;
    }
    if (line.text.find_first_not_of(" \t\n") == std::string::npos) continue;
    interrupted = session.take(line.text) == ChatSession::Outcome::interrupted;
  }
}

/// A pipe: each line is a message, standard output holds the answers. Returns whether all went well.
bool answer_lines(ChatSession& session) {
  bool well = true;
  for (std::string line; !session.leave && std::getline(std::cin, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    well = session.take(line) != ChatSession::Outcome::failed && well;
  }
  return well;
}

ViewStyle view_style() {
  const char* no_color = std::getenv("NO_COLOR");
  ViewStyle style;
  style.terminal = is_interactive();
  style.colour = style.terminal && (no_color == nullptr || no_color[0] == '\0');
  return style;
}

struct ChatOptions {
  ModelOptions model;
  GenerationOptions generation;
  ServerOptions server;
  std::string system;

  void talk(Answerer& answerer, const std::string& greeting, Settings settings, const char* warning) const;
  void talk_here() const;
  void talk_to_server() const;
};

/// `greeting`: what a person reads first. `warning`: for pipes as well; may be null.
void ChatOptions::talk(Answerer& answerer, const std::string& greeting, Settings settings, const char* warning) const {
  const ViewStyle style = view_style();
  ChatSession session(answerer, style, std::move(settings));
  session.conversation.set_system(system);
  if (style.terminal) write_out(printable(greeting) + "\n/help lists commands\n");
  if (warning != nullptr) session.note(warning);
  if (style.terminal) {
    converse(session);
  } else if (!answer_lines(session)) {
    throw ExitCode{1};
  }
}

void ChatOptions::talk_here() const {
  AssistantOptions options = generation.assistant(model);
  ProgressBar loading("loading");
  options.load.progress = [&](int64_t done, int64_t total) { loading.update(done, total); };
  const std::filesystem::path path = model.path();
  Assistant assistant(path, options);
  loading.finish();

  // A snapshot in the cache is named after its commit, which tells nobody anything.
  const std::string name =
      path == model.model ? std::filesystem::weakly_canonical(path).filename().string() : model.model;
  const ModelInfo& m = assistant.model().info();
  const bool sparse = m.active_parameters < m.parameters;
  LocalAnswerer answerer(assistant);
  talk(answerer,
       fmt::format("{}: {}, {} parameters{}, context of {} tokens", name, m.model_type, count_text(m.parameters),
                   sparse ? fmt::format(" ({} active)", count_text(m.active_parameters)) : "", answerer.context()),
       {generation.sampling.over(assistant.recommended()), generation.stop, generation.thinking.value()},
       assistant.renderer() == nullptr ? kNoTemplate : nullptr);
}

void ChatOptions::talk_to_server() const {
  // Prompts take minutes on slow machines, and not every server says meanwhile that it lives.
  RemoteAnswerer answerer(server.client(std::chrono::minutes(10)), model.model);
  const std::string context = answerer.context() > 0 ? fmt::format(", context of {} tokens", answerer.context()) : "";
  Settings settings = chosen_settings(generation.sampling, generation.stop);
  settings.thinking = generation.thinking.value();
  talk(answerer, fmt::format("{} at {}{}", answerer.model(), answerer.server(), context), std::move(settings), nullptr);
}

}  // namespace

/// dure chat MODEL: a conversation in the terminal.
void add_chat(CLI::App& app) {
  auto o = std::make_shared<ChatOptions>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in the terminal, or line by line through a pipe");
  o->model.compute = "int8";
  o->model.add_to(*command);
  command->get_option("MODEL")->required(false);
  command->add_option("--system", o->system, "System message")->type_name("TEXT");
  o->server.add_to(*command,
                   "Talk with MODEL of a server (dure serve, or any that speaks OpenAI's API) or with its first one");
  o->generation.add_to(*command);
  for (const char* local : {"--lora", "--backend", "--compute", "--threads", "--mmap", "--context", "--cache",
                            "--exact", "--speculate", "--draft-tokens"})
    command->get_option(local)->excludes("--server");
  command->callback([o] {
    if (!o->server.url.empty()) return o->talk_to_server();
    require(!o->model.model.empty(), "no model: name one, or a server with --server");
    o->talk_here();
  });
}

}  // namespace dure

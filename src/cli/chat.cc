#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "cli/app.h"
#include "cli/chat_session.h"
#include "cli/line_editor.h"
#include "cli/model_options.h"
#include "cli/terminal.h"

namespace dure {
namespace {

constexpr const char* kNoTemplate = "this model has no chat template: it continues each text that you enter";

void greet(const ChatSession& session) {
  const ModelInfo& m = session.assistant.model().info();
  const bool sparse = m.active_parameters < m.parameters;
  write_out(fmt::format("{}: {}, {} parameters{}, context of {} tokens\n/help lists commands\n",
                        printable(session.model_name), printable(m.model_type), count_text(m.parameters),
                        sparse ? fmt::format(" ({} active)", count_text(m.active_parameters)) : "",
                        session.assistant.engine().max_model_len()));
  if (session.assistant.renderer() == nullptr) session.note(kNoTemplate);
}

/// A person at a terminal.
void converse(ChatSession& session) {
  greet(session);
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
  if (session.assistant.renderer() == nullptr) session.note(kNoTemplate);
  bool well = true;
  for (std::string line; !session.leave && std::getline(std::cin, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    well = session.take(line) != ChatSession::Outcome::failed && well;
  }
  return well;
}

}  // namespace

/// dure chat MODEL: a conversation in the terminal.
void add_chat(CLI::App& app) {
  struct Options {
    ModelOptions model;
    GenerationOptions generation;
    std::string system;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in the terminal, or line by line through a pipe");
  o->model.compute = "int8";
  o->model.add_to(*command);
  command->add_option("--system", o->system, "System message")->type_name("TEXT");
  o->generation.add_to(*command);
  command->callback([o] {
    AssistantOptions options = o->generation.assistant(o->model);
    ProgressBar loading("loading");
    options.load.progress = [&](int64_t done, int64_t total) { loading.update(done, total); };
    const std::filesystem::path model = o->model.path();
    Assistant assistant(model, options);
    loading.finish();

    const char* no_color = std::getenv("NO_COLOR");
    ViewStyle style;
    style.terminal = is_interactive();
    style.colour = style.terminal && (no_color == nullptr || no_color[0] == '\0');
    // A snapshot in the cache is named after its commit, which tells nobody anything.
    const std::string name =
        model == o->model.model ? std::filesystem::weakly_canonical(model).filename().string() : o->model.model;
    Settings settings{o->generation.sampling(assistant.recommended()), o->generation.stop, std::nullopt};
    ChatSession session(assistant, name, style, std::move(settings));
    session.conversation.set_system(o->system);
    if (style.terminal) {
      converse(session);
    } else if (!answer_lines(session)) {
      throw ExitCode{1};
    }
  });
}

}  // namespace dure

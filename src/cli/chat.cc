#include <fmt/format.h>

#include <iostream>

#include "base/json.h"
#include "base/utf8.h"
#include "chat/reasoning.h"
#include "cli/app.h"
#include "cli/model_options.h"

namespace dure {

/// dure chat MODEL: a conversation in the terminal.
void add_chat(CLI::App& app) {
  struct Options {
    ModelOptions model;
    GenerationOptions generation;
    std::string system;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in the terminal");
  o->model.add_to(*command);
  command->add_option("--system", o->system, "System message")->type_name("TEXT");
  o->generation.add_to(*command);
  command->callback([o] {
    Assistant assistant(o->model.model, o->generation.assistant(o->model));
    Json messages = Json::array();
    for (std::string line; std::getline(std::cin, line);) {
      messages.push_back({{"role", "user"}, {"content", sanitize_utf8(line)}});
      const Assistant::Prompt prompt = assistant.chat_prompt(messages, Json::object());
      std::string text;
      Generation g;
      g.sampling = o->generation.sampling(assistant.recommended());
      g.on_text = [&](const std::string& part) {
        text += part;
        fmt::print("{}", part);
        return true;
      };
      assistant.generate(prompt.ids, g);
      fmt::print("\n");
      messages.push_back({{"role", "assistant"}, {"content", text}});
    }
  });
}

}  // namespace dure

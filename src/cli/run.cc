#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "chat/settings.h"
#include "cli/app.h"
#include "cli/model_options.h"

namespace dure {
namespace {

std::string read_stdin() { return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()}; }

const char* name_of(FinishReason reason) {
  return reason == FinishReason::length ? "length" : reason == FinishReason::stop ? "stop" : "cancelled";
}

}  // namespace

/// dure run MODEL -p TEXT: one prompt, one answer on stdout.
void add_run(CLI::App& app) {
  struct Options {
    ModelOptions model;
    GenerationOptions generation;
    std::optional<std::string> prompt;
    std::string system;
    bool raw = false, json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Answer one prompt, from -p or from a pipe");
  o->model.compute = "int8";
  o->model.add_to(*command);
  command->add_option("-p,--prompt", o->prompt, "The prompt; without it, standard input is read")->type_name("TEXT");
  command->add_option("--system", o->system, "System message")->type_name("TEXT");
  command->add_flag("--raw", o->raw, "Continue the text as it stands, without the chat template");
  command->add_flag("--json", o->json, "The answer and its numbers as one JSON object");
  o->generation.add_to(*command);
  command->callback([o] {
    if (!o->prompt) {
      require(::isatty(STDIN_FILENO) == 0, "no prompt: give one with -p TEXT or through a pipe");
      o->prompt = read_stdin();
    }
    AssistantOptions options = o->generation.assistant(o->model);
    ProgressBar loading("loading");
    options.load.progress = [&](int64_t done, int64_t total) { loading.update(done, total); };
    Assistant assistant(o->model.path(), options);
    loading.finish();

    std::vector<int> ids;
    const bool raw = o->raw || assistant.renderer() == nullptr;
    if (raw) {
      if (!o->raw) fmt::print(stderr, "dure: this model has no chat template; continuing the text as it stands\n");
      ids = assistant.raw_prompt(*o->prompt);
    } else {
      Json messages = Json::array();
      if (!o->system.empty()) messages.push_back({{"role", "system"}, {"content", sanitize_utf8(o->system)}});
      messages.push_back({{"role", "user"}, {"content", sanitize_utf8(*o->prompt)}});
      ids = assistant.chat_prompt(messages, thinking_flags(o->generation.thinking.value())).ids;
    }

    std::string text;
    Generation g;
    g.continues = raw;
    g.sampling = o->generation.sampling.over(assistant.recommended());
    g.stop = o->generation.stop;
    ProgressBar reading("reading the prompt");
    g.on_prefill = [&](int done, int total) { done == total ? reading.finish() : reading.update(done, total); };
    g.on_text = [&](const std::string& part) {
      if (o->json) {
        text += part;
        return true;
      }
      return std::fwrite(part.data(), 1, part.size(), stdout) == part.size() && std::fflush(stdout) == 0;
    };
    const GenerationResult r = assistant.generate(std::move(ids), g);
    if (o->json) {
      const Json result = {{"text", text},
                           {"finish_reason", name_of(r.reason)},
                           {"prompt_tokens", r.prompt_tokens},
                           {"completion_tokens", r.completion_tokens},
                           {"prefill_tokens_per_second", r.prefill_rate()},
                           {"decode_tokens_per_second", r.decode_rate()}};
      fmt::print("{}\n", dump_json(result));
    } else {
      fmt::print("\n");
    }
  });
}

}  // namespace dure

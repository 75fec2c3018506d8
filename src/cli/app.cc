#include "cli/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>

#include "base/error.h"
#include "base/version.h"
#include "cli/default_model.h"

namespace dure {
namespace {

constexpr const char* kNoModel =
    "models/dure-mini holds no model: name one (./run chat DIR-OR-FILE), or fetch one first (./run pull OWNER/NAME); "
    "./run --help lists the commands\n";

/// Types without the names of their checks, which the descriptions tell better.
class HelpFormat : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_type_size() == 0) return "";
    const std::string type = option->get_type_name();
    return " " + type.substr(0, type.find(':')) + (option->get_required() ? " (required)" : "");
  }
};

/// One line that names the command whose help to read.
std::string complaint(const CLI::App* app, const CLI::Error& e) {
  const std::vector<const CLI::App*> commands = app->get_subcommands([](const CLI::App*) { return true; });
  std::string name = "dure";
  for (const CLI::App* command : commands)
    if (command->parsed()) name += " " + command->get_name();
  return fmt::format("{}: {} ({} --help tells more)\n", name, e.what(), name);
}

bool is_command(const CLI::App& app, const std::string& word) {
  return !app.get_subcommands([&](const CLI::App* command) { return command->get_name() == word; }).empty();
}

bool could_be_model(const std::string& word) {
  std::error_code ignored;
  return word.find('/') != std::string::npos || word.ends_with(".gguf") || std::filesystem::exists(word, ignored);
}

}  // namespace

int run_app(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    const auto model = default_model();
    if (!model) {
      fmt::print("{}", kNoModel);
      return 0;
    }
    arguments = {"chat", model->string()};
  }
  CLI::App app{"dure runs DeepSeek-class language models on your own machine."};
  app.name("dure");
  app.set_version_flag("--version", std::string("dure ") + kVersion);
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormat>());
  app.get_formatter()->column_width(34);
  app.failure_message(complaint);
  try {
    add_chat(app);
    add_run(app);
    add_info(app);
    add_verify(app);
    add_eval(app);
    add_imatrix(app);
    add_logits(app);
    add_tokenize(app);
    add_data(app);
    add_tokenizer(app);
    add_template(app);
    add_convert(app);
    add_quantize(app);
    add_merge(app);
    add_reference(app);
    add_doctor(app);
    add_pull(app);
    add_list(app);
    add_rm(app);
    add_plan(app);
    add_bench(app);
    add_serve(app);
    add_ps(app);
    add_train(app);
    add_plot(app);
    const std::string first = arguments.front();
    if (!first.starts_with('-') && !is_command(app, first)) {
      if (!could_be_model(first)) {
        fmt::print(stderr, "dure: no command or model named {} (dure --help lists the commands)\n", quote(first));
        return 2;
      }
      arguments.insert(arguments.begin(), "chat");  // a model alone means: chat with it
    }
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
    return 0;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const ExitCode& e) {
    return e.code;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "dure: out of memory\n");
  } catch (const std::exception& e) {
    fmt::print(stderr, "dure: {}\n", e.what());
  }
  return 1;
}

}  // namespace dure

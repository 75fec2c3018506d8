#include "cli/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>

#include "base/error.h"

namespace dure {
namespace {

constexpr const char* kNoModel =
    "Name a model to chat with: a Hugging Face folder or a GGUF file.\n"
    "  ./run chat path/to/model\n"
    "No model is built in yet; ./run --help lists the commands.\n";

}  // namespace

int run_app(int argc, char** argv) {
  if (argc <= 1) {
    fmt::print("{}", kNoModel);
    return 0;
  }
  CLI::App app{"dure runs DeepSeek-class language models on your own machine."};
  app.name("dure");
  app.set_version_flag("--version", "dure 0.1.0");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  try {
    add_chat(app);
    add_run(app);
    add_info(app);
    add_verify(app);
    add_logits(app);
    add_tokenize(app);
    add_template(app);
    add_convert(app);
    // A model alone means: chat with it.
    std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string first = arguments.front();
    const auto commands = app.get_subcommands({});
    const bool known = std::ranges::any_of(commands, [&](const CLI::App* c) { return c->get_name() == first; });
    if (!first.starts_with('-') && !known) {
      const bool path = first.find('/') != std::string::npos || first.ends_with(".gguf");
      if (!path && !std::filesystem::exists(first)) {
        fmt::print(stderr, "dure: no command or model named {}; --help lists the commands\n", quote(first));
        return 2;
      }
      arguments.insert(arguments.begin(), "chat");
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

#include <fmt/format.h>

#include <iostream>

#include "base/error.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "toolbox/hub/cache_remove.h"
#include "toolbox/hub/name.h"

namespace dure {
namespace {

bool agrees(const std::string& question) {
  fmt::print("{} [y/N] ", question);
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void remove(const std::string& model, bool yes) {
  const HubName name = parse_hub_name(model);
  const bool one = model.find(':') != model.npos;
  const HubCache cache(hub_cache());
  const Removal removal = plan_removal(cache, name.id, one ? std::optional(name.revision) : std::nullopt);
  if (!yes) {
    require(is_interactive(), "{}: {} would be removed; --yes does it without asking", model,
            bytes_text(removal.bytes));
    if (!agrees(fmt::format("Remove {} ({}) from {}?", model, bytes_text(removal.bytes), cache.root().string()))) {
      fmt::print("nothing removed\n");
      throw ExitCode{1};
    }
  }
  remove_model(cache, removal);
  fmt::print("{} removed, {} freed\n", model, bytes_text(removal.bytes));
}

}  // namespace

/// dure rm OWNER/NAME: a model out of the cache.
void add_rm(CLI::App& app) {
  struct Options {
    std::string model;
    bool yes = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("rm", "Remove a model from the cache");
  command->add_option("MODEL", o->model, "OWNER/NAME for all of it, OWNER/NAME:REVISION for one revision")->required();
  command->add_flag("-y,--yes", o->yes, "Do not ask");
  command->callback([o] { remove(o->model, o->yes); });
}

}  // namespace dure

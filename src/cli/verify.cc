#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "toolbox/verify.h"

namespace dure {

/// dure verify DIR...: every golden, chunking and backend; prints the largest error of each.
void add_verify(CLI::App& app) {
  struct Options {
    std::vector<std::string> folders, backends;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("verify", "Compare models with their golden.json on every backend");
  command->add_option("DIR", o->folders, "Model folders that hold a golden.json")->required();
  command->add_option("--backend", o->backends, "Only this backend (repeatable)")->allow_extra_args(false);
  command->add_flag("--json", o->json, "One JSON object per check");
  command->callback([o] {
    int passed = 0, failed = 0;
    for (const std::string& folder : o->folders) {
      if (!o->json) fmt::print("{}\n", folder);
      try {
        verify_model(model_path(folder), o->backends, [&](const Check& c) {
          (c.passed() ? passed : failed) += 1;
          if (o->json) {
            const Json line = {{"model", folder},  {"backend", c.backend}, {"check", c.what},
                               {"error", c.error}, {"limit", c.limit},     {"passed", c.passed()}};
            fmt::print("{}\n", dump_json(line));
          } else {
            fmt::print("  {} {:26} {:58} {:.3g} (limit {:.3g})\n", c.passed() ? "ok  " : "FAIL", c.backend, c.what,
                       c.error, c.limit);
          }
          std::fflush(stdout);
        });
      } catch (const Error& e) {
        ++failed;
        fmt::print(stderr, "dure: {}\n", e.what());
      }
    }
    if (!o->json) fmt::print("{} passed, {} failed\n", passed, failed);
    if (failed > 0) throw ExitCode{1};
  });
}

}  // namespace dure

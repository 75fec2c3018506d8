#include <fmt/format.h>

#include "backend/registry.h"
#include "base/error.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "toolbox/merge.h"

namespace dure {

/// dure merge MODEL --lora DIR FOLDER: a copy of a model with adapters in its weights.
void add_merge(CLI::App& app) {
  struct Options {
    std::string model, folder;
    std::vector<std::string> loras;
    int threads = 0;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("merge", "Write a model with LoRA adapters in its weights");
  command->add_option("MODEL", o->model, "A Hugging Face folder, or OWNER/NAME of a pulled model")->required();
  command->add_option("FOLDER", o->folder, "Where to write; must not exist, or be empty")->required();
  command->add_option("--lora", o->loras, "A PEFT adapter; DIR:SCALE adds SCALE times as much (repeatable)")
      ->type_name("DIR")
      ->required()
      ->allow_extra_args(false);
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->callback([o] {
    DeviceOptions options;
    options.threads = o->threads;
    const std::unique_ptr<Device> device = make_device(options);
    std::vector<AdapterChoice> adapters;
    for (const std::string& lora : o->loras) adapters.push_back(parse_adapter_choice(lora));
    const InterruptGuard guard;
    ProgressBar bar("merging");
    int64_t bytes = 0;
    const bool finished = merge_model(model_path(o->model), adapters, o->folder, *device, [&](int64_t done, int64_t n) {
      bar.update(done, n);
      bytes = n;
      return !guard.interrupted();
    });
    bar.finish();
    if (!finished) {
      fmt::print(stderr, "stopped; nothing is written\n");
      throw ExitCode{130};
    }
    fmt::print("{}: written, {}\n", o->folder, bytes_text(bytes));
  });
}

}  // namespace dure

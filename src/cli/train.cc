#include <fmt/format.h>
#include <unistd.h>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/bad_lines.h"
#include "cli/model_options.h"
#include "cli/recipe_data.h"
#include "cli/terminal.h"
#include "toolbox/probe.h"
#include "train/training_log.h"

namespace dure {
namespace {

struct TrainOptions {
  std::string recipe, backend = "auto";
  std::vector<std::string> set;
  int threads = 0, print_every = 1;
  bool dry_run = false;
};

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

/// One line a step, on a terminal each over the one before; speeds are averages over some steps.
class TrainingView {
 public:
  TrainingView(const Trainer& trainer, double operations, double peak)
      : trainer_(trainer), operations_(operations), peak_(peak), terminal_(::isatty(STDOUT_FILENO) != 0) {}
  ~TrainingView() {
    if (terminal_ && shown_) fmt::print("\n");
  }

  void show(const StepReport& r, bool print) {
    const auto speed = static_cast<double>(r.step_tokens) / r.seconds;
    speed_ = speed_ == 0 ? speed : 0.9 * speed_ + 0.1 * speed;
    if (!print) return;
    const auto left = static_cast<double>(trainer_.recipe().tokens - r.tokens);
    std::string line = fmt::format("step {}  {} tokens  loss {:.4f}", r.step, count_text(r.tokens), r.loss);
    if (r.parts.mtp > 0 || r.parts.teacher > 0) line += fmt::format("  main {:.4f}", r.parts.main);
    if (r.parts.mtp > 0) line += fmt::format("  mtp {:.4f}", r.parts.mtp);
    for (const auto& [name, value] : r.measures) line += fmt::format("  {} {:.4g}", name, value);
    if (r.expert_load > 0) line += fmt::format("  load {:.2f}", r.expert_load);
    line += fmt::format("  lr {:.2e}  norm {:.2f}  {:.0f} tokens/s", r.learning_rate, r.gradient_norm, speed_);
    if (peak_ > 0) line += fmt::format("  MFU {:.0f} %", 100 * speed_ * operations_ / peak_);
    line += r.skipped ? "  not finite: skipped" : fmt::format("  {} left", duration_text(std::max(0.0, left) / speed_));
    fmt::print("{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\033[K" : "\n");
    std::fflush(stdout);
    shown_ = true;
  }

 private:
  const Trainer& trainer_;
  double operations_, peak_, speed_ = 0;
  bool terminal_, shown_ = false;
};

double mean_positions(const Recipe& recipe) {
  const Json& data = recipe.data();
  return data.contains("length") && data["length"].is_number() ? data["length"].get<double>() / 2 : 0;
}

void train(const TrainOptions& o) {
  const Recipe recipe = read_recipe(o.recipe, o.set);
  DeviceOptions device_options{.backend = o.backend, .threads = o.threads, .compute = recipe.compute};
  const std::unique_ptr<Device> device = make_device(device_options);
  RecipeData data(recipe, *device);
  report_bad_lines(data.bad_lines());
  Trainer trainer(recipe, *device, [&](Model& model) { return data.open(model); });
  const ModelInfo& info = trainer.model().info();
  const double operations =
      training_operations(trainer.config(), recipe.source, mean_positions(recipe), recipe.mtp(0) > 0);
  fmt::print("{}: {} parameters, {} active; {} tokens of {:.3g} million operations each; {}, {}\n", recipe.source,
             count_text(info.parameters), count_text(info.active_parameters), count_text(recipe.tokens),
             operations / 1e6, device->backend().name(), recipe.compute == Compute::bf16 ? "bf16" : "f32");
  if (trainer.resumed_from()) fmt::print("going on from {}\n", RunFolder(recipe.output).step(trainer.steps()).string());
  if (o.dry_run) return;

  std::error_code failed;
  std::filesystem::create_directories(recipe.output, failed);
  require(!failed, "{}: {}", recipe.output.string(), failed.message());
  write_file_atomically(recipe.output / "recipe.json",
                        [&](std::ostream& out) { out << dump_json(*recipe.json, 2) << '\n'; });
  TrainingLog log(recipe.output / "log.jsonl", trainer.steps());
  const MachineLimits limits = measure_limits(device->threads().size(), ThreadCounts::all);
  const double peak =
      recipe.compute == Compute::bf16 && limits.peak("bf16") > 0 ? limits.peak("bf16") : limits.peak("f32");
  const InterruptGuard guard;
  TrainingView view(trainer, operations, peak);
  while (!trainer.done() && !guard.interrupted()) {
    const StepReport report = trainer.step();
    log.append(report);
    view.show(report, report.step % o.print_every == 0 || trainer.done() || report.skipped);
  }
  trainer.save();
  if (trainer.done()) return;
  fmt::print("\nstopped after step {}; the same command goes on from there\n", trainer.steps());
  throw ExitCode{130};
}

}  // namespace

/// dure train RECIPE.json: trains a model as the recipe says, from the last checkpoint on if there is one.
void add_train(CLI::App& app) {
  auto o = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model as a recipe says, or go on with it");
  command->add_option("RECIPE", o->recipe, "A JSON file; docs/training.md explains it")->required();
  command->add_option("--set", o->set, "KEY.KEY=VALUE: another value for a field of the recipe (repeatable)")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  command->add_option("--backend", o->backend, "What computes: a name that dure doctor lists, or auto")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->add_option("--print-every", o->print_every, "Steps from one line to the next")
      ->check(kAtLeastOne)
      ->capture_default_str();
  command->add_flag("--dry-run", o->dry_run, "Only check the recipe, the data and the memory");
  command->callback([o] { train(*o); });
}

}  // namespace dure

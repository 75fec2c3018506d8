#include "toolbox/hub/pull.h"

#include <fmt/format.h>

#include <csignal>

#include "base/error.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "cli/pull_view.h"
#include "cli/terminal.h"

namespace dure {
namespace {

struct PullOptions {
  std::string model;
  std::vector<std::string> include, exclude;
  HubOptions hub;
  bool dry_run = false, offline = false;
  int jobs = 4, retries = 5;
};

constexpr int kInterrupted = 130;  // as shells count an end by Ctrl-C

/// "Q4_K_M.gguf   1.2 GiB", aligned.
void print_table(const std::vector<std::pair<std::string, std::string>>& rows, FILE* out) {
  size_t width = 0;
  for (const auto& [name, size] : rows) width = std::max(width, name.size());
  for (const auto& [name, size] : rows) fmt::print(out, "  {:{}}  {:>10}\n", name, width, size);
}

void print_choices(const PullPlan& plan) {
  fmt::print(stderr, "{} holds {} models; choose one:\n", plan.name.id, plan.choices.size());
  std::vector<std::pair<std::string, std::string>> rows;
  for (const HubModel& m : plan.choices) rows.emplace_back(m.pattern, bytes_text(m.size));
  print_table(rows, stderr);
  fmt::print(stderr, "dure: {}: say which with --include, such as: dure pull {} --include '{}'\n", plan.name.text(),
             plan.name.text(), plan.choices.front().pattern);
}

void print_files(const PullPlan& plan) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    const HubFile& f = plan.files[i];
    rows.emplace_back(f.path, bytes_text(f.size) + (plan.here[i] == f.size ? "  here" : ""));
  }
  print_table(rows, stdout);
  fmt::print("{} files, {}; {} to fetch\n", plan.files.size(), bytes_text(plan.total), bytes_text(plan.missing));
}

void require_room(const PullPlan& plan, const HubOptions& hub) {
  const int64_t free = free_bytes(hub.cache);
  require(free < 0 || plan.missing <= free,
          "{}: {} are to be fetched and {} are free; make room, or set HF_HUB_CACHE to a folder on another disk",
          hub.cache.string(), bytes_text(plan.missing), bytes_text(free));
}

void fetch(const PullPlan& plan, const HubOptions& hub, const InterruptGuard& guard) {
  require_room(plan, hub);
  if (!plan.complete)
    fmt::print(stderr, "{} at {}: {} files, {} to fetch\n", plan.name.text(), plan.commit.substr(0, 8),
               plan.files.size(), bytes_text(plan.missing));
  PullView view(plan.total);
  bool begun = false;
  try {
    run_pull(
        hub, plan, [&] { return guard.interrupted(); },
        [&](const std::vector<FileProgress>& files) {
          for (const FileProgress& f : files) begun = begun || f.done > 0;
          view.update(files);
        });
  } catch (const Error& e) {
    if (!begun) throw;
    fail("{}; what has arrived is kept, and the same command goes on there", e.what());
  }
}

void pull(PullOptions& o) {
  const HubName name = parse_hub_name(o.model);
  HubOptions hub = hub_options();
  hub.jobs = o.jobs;
  hub.retries = o.retries;
  if (o.offline || hub.offline) {
    const HubCache cache(hub.cache);
    const std::optional<std::string> commit = cache.commit_of(name.id, name.revision);
    require(commit.has_value(), "{} is not here, and offline (--offline, HF_HUB_OFFLINE) nothing is fetched",
            name.text());
    fmt::print(stderr, "{} is here; offline, so the hub was not asked for a newer one\n", name.text());
    fmt::print("{}\n", cache.snapshot(name.id, *commit).string());
    return;
  }
  // A disk quota and a server that hangs up are errors to report, not ends of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const InterruptGuard guard;
  try {
    const PullPlan plan = plan_pull(
        hub, {name, o.include, o.exclude}, [&] { return guard.interrupted(); },
        [](const std::string& why, std::chrono::seconds pause) {
          fmt::print(stderr, "{}; again in {} s\n", why, pause.count());
        });
    if (!plan.choices.empty()) {
      print_choices(plan);
      throw ExitCode{1};
    }
    if (o.dry_run) return print_files(plan);
    fetch(plan, hub, guard);
    fmt::print(stderr, "{} is here: dure chat {}\n", name.text(), name.text());
    fmt::print("{}\n", plan.snapshot.string());
  } catch (const HttpStopped&) {
    fmt::print(stderr, "stopped; what has arrived is kept, and the same command goes on there\n");
    throw ExitCode{kInterrupted};
  }
}

}  // namespace

/// dure pull OWNER/NAME: a model from the hub into the cache.
void add_pull(CLI::App& app) {
  auto o = std::make_shared<PullOptions>();
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from the Hugging Face hub");
  command->add_option("MODEL", o->model, "OWNER/NAME[:REVISION], such as deepseek-ai/DeepSeek-V2-Lite")->required();
  command->add_option("--include", o->include, "Only files that match, such as '*Q4_K_M*' (repeatable)")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command->add_option("--exclude", o->exclude, "No files that match (repeatable)")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", o->dry_run, "List the files and their sizes, fetch nothing");
  command->add_flag("--offline", o->offline, "Only say where it is in the cache");
  command->add_option("-j,--jobs", o->jobs, "Files fetched at once")->check(CLI::Range(1, 64));
  command->add_option("--retries", o->retries, "Further attempts after one that brought nothing")
      ->check(CLI::Range(0, 100));
  command->callback([o] { pull(*o); });
}

}  // namespace dure

#include <fmt/format.h>

#include <filesystem>

#include "backend/cpu/features.h"
#include "backend/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "toolbox/probe.h"

namespace dure {
namespace {

struct DoctorOptions {
  std::string at;
  int threads = 0;
  bool json = false;
};

struct Report {
  CpuStatus cpu = cpu_status();
  MemoryStatus memory = memory_status();
  std::vector<std::string> features = cpu_feature_names(), cards = graphics_cards();
  std::string backend = backends().back(), huge_pages = huge_page_setting();
  MachineLimits limits;
  DiskRate disk;
  std::string disk_error;
};

Report examine(const DoctorOptions& o) {
  Report r;
  r.limits = measure_limits(o.threads, ThreadCounts::doubling);
  try {
    std::error_code ignored;
    std::filesystem::path at = o.at;
    if (o.at.empty()) at = hub_cache();  // where models are read from
    r.disk = measure_disk(o.at.empty() && !std::filesystem::exists(at, ignored) ? "." : at);
  } catch (const Error& e) {  // the rest is worth knowing all the same
    r.disk_error = e.what();
  }
  return r;
}

/// 61.2e9 -> "61.2 GB/s"
std::string rate_text(double per_second, std::string_view unit) {
  for (const auto& [size, prefix] : {std::pair(1e12, "T"), {1e9, "G"}, {1e6, "M"}})
    if (per_second >= size) return fmt::format("{:.3g} {}{}/s", per_second / size, prefix, unit);
  return fmt::format("{:.3g} {}/s", per_second, unit);
}

/// Best rate with these pages; 0 if there is none.
double best_read(const MachineLimits& limits, bool huge_pages) {
  double best = 0;
  for (const ReadRate& rate : limits.reads)
    if (rate.huge_pages == huge_pages) best = std::max(best, rate.bytes_per_second);
  return best;
}

/// What limits what, and what can be done about it, in sentences.
std::vector<std::string> advice(const Report& r) {
  std::vector<std::string> lines;
  const double bandwidth = r.limits.read_bandwidth(), peak = r.limits.peak(), f32 = r.limits.peak("f32");
  lines.push_back(
      fmt::format("Decoding reads every active weight for each token, so memory bandwidth limits it: at most {:.3g} "
                  "tokens/s for each GB (10^9 bytes) of active weights and cache.",
                  bandwidth / 1e9));
  if (peak > 0)
    lines.push_back(
        fmt::format("Reading a prompt multiplies many rows by each weight, so arithmetic limits it: at most {:.3g} "
                    "tokens/s for each billion active parameters in float32, {:.3g} with the fastest unit.",
                    f32 / 2e9, peak / 2e9));
  if (r.disk.bytes_per_second > 0)
    lines.push_back(fmt::format("The first start of a model reads it from the disk: {:.2g} s for each GB.",
                                1e9 / r.disk.bytes_per_second));
  lines.push_back(
      fmt::format("Weights and context must fit the {} of memory that are free; dure plan MODEL tells "
                  "whether they do.",
                  bytes_text(r.memory.available)));
  if (r.cpu.quota > 0 && r.cpu.quota < r.cpu.usable)
    lines.push_back(fmt::format("The container may use {:.3g} CPUs' worth of time: start with --threads {}.",
                                r.cpu.quota, std::max(1, static_cast<int>(r.cpu.quota))));
  if (r.cpu.usable > r.cpu.physical && r.cpu.physical > 0)
    lines.push_back(fmt::format("{} CPUs share {} cores: --threads {} is often as fast.", r.cpu.usable, r.cpu.physical,
                                r.cpu.physical));
  if (r.huge_pages == "never")
    lines.push_back(
        "Huge pages are off. To let programs ask for them: echo madvise | sudo tee "
        "/sys/kernel/mm/transparent_hugepage/enabled");
  const double huge = best_read(r.limits, true), small = best_read(r.limits, false);
  if (huge > 0 && small > 0)
    lines.push_back(
        fmt::format("From huge pages memory is read {:.2f} times as fast as from ordinary ones.", huge / small));
  if (!r.cards.empty()) lines.push_back("The graphics card is seen, not used by this build.");
  if (r.backend == "reference")
    lines.push_back("No vector instructions are used: answers are right, but slow (AVX2 or AVX-512 is needed).");
  return lines;
}

Json describe(const Report& r) {
  Json disk = {{"what", r.disk.what},
               {"bytes", r.disk.bytes},
               {"bytes_per_second", r.disk.bytes_per_second},
               {"direct", r.disk.direct}};
  if (!r.disk_error.empty()) disk = {{"error", r.disk_error}};
  return {{"cpu",
           {{"model", r.cpu.model},
            {"physical", r.cpu.physical},
            {"logical", r.cpu.logical},
            {"usable", r.cpu.usable},
            {"quota", r.cpu.quota},
            {"last_caches", r.cpu.last_caches},
            {"features", r.features}}},
          {"backend", r.backend},
          {"memory", {{"total", r.memory.total}, {"available", r.memory.available}, {"limit", r.memory.limit}}},
          {"huge_pages", r.huge_pages},
          {"limits", to_json(r.limits)},
          {"disk", disk},
          {"graphics_cards", r.cards},
          {"advice", advice(r)}};
}

void print_threads(int threads) { fmt::print("{:>3} thread{}", threads, threads == 1 ? " " : "s"); }

void print(const Report& r) {
  fmt::print("CPU            {}\n", r.cpu.model.empty() ? "unknown" : r.cpu.model);
  fmt::print("cores          {}, {} CPUs, {} for this program{}\n", r.cpu.physical, r.cpu.logical, r.cpu.usable,
             r.cpu.quota > 0 ? fmt::format(", {:.3g} by its container's limit", r.cpu.quota) : "");
  fmt::print("instructions   {}\n",
             r.features.empty() ? "none that are used" : fmt::format("{}", fmt::join(r.features, ", ")));
  fmt::print("backend        {}\n", r.backend);
  fmt::print("memory         {} of {} free{}\n", bytes_text(r.memory.available), bytes_text(r.memory.total),
             r.memory.limit > 0 ? " (the container's limit)" : "");
  fmt::print("huge pages     {}\n", r.huge_pages.empty() ? "not offered by this system" : r.huge_pages);
  fmt::print("graphics       {}\n", r.cards.empty() ? "none" : fmt::format("{}", fmt::join(r.cards, ", ")));
  fmt::print("\nmemory, read\n");
  for (const ReadRate& rate : r.limits.reads) {
    print_threads(rate.threads);
    fmt::print("  {:15} {}\n", rate.huge_pages ? "huge pages" : "ordinary pages",
               rate_text(rate.bytes_per_second, "B"));
  }
  fmt::print("\narithmetic, peak\n");
  for (const UnitRate& rate : r.limits.units) {
    print_threads(rate.threads);
    fmt::print("  {:5} {:15} {}\n", rate.type, rate.unit,
               rate_text(rate.operations_per_second, rate.type == "int8" ? "op" : "flop"));
  }
  fmt::print("\ndisk           ");
  if (r.disk_error.empty()) {
    fmt::print("{} ({}{})\n", rate_text(r.disk.bytes_per_second, "B"), r.disk.what,
               r.disk.direct ? "" : "; may be cached");
  } else {
    fmt::print("not measured: {}\n", r.disk_error);
  }
  fmt::print("\n");
  for (const std::string& line : advice(r)) fmt::print("{}\n", line);
}

}  // namespace

/// dure doctor: what this machine has, and what bounds a model's speed on it.
void add_doctor(CLI::App& app) {
  auto o = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand("doctor", "Show what this machine has and what limits a model's speed on it");
  command
      ->add_option("--disk", o->at,
                   "A file or folder on the disk to measure; by default the cache of models, or the current folder")
      ->type_name("PATH");
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] {
    const Report report = examine(*o);
    if (o->json) {
      fmt::print("{}\n", dump_json(describe(report), 2));
    } else {
      print(report);
    }
  });
}

}  // namespace dure

#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>
#include <limits>
#include <optional>

#include "chat/assistant.h"
#include "chat/sampling_overrides.h"

namespace dure {

/// A check of options that count something.
inline const CLI::Range kAtLeastOne(1, std::numeric_limits<int>::max());

/// "DIR" or "DIR:SCALE", as --lora takes it. Throws Error for a scale that cannot be meant.
AdapterChoice parse_adapter_choice(const std::string& text);

/// Options that every command which loads a model has: MODEL, --lora, --backend, --compute, --threads,
/// --mmap.
struct ModelOptions {
  std::string model, backend = "auto", compute = "f32";
  std::vector<std::string> loras;
  int threads = 0;
  bool in_place = false;

  void add_to(CLI::App& command);
  /// The options of a second model: OTHER, and with --other- the first three.
  void add_other_to(CLI::App& command);
  /// Where MODEL is: a path, or a name from the cache.
  std::filesystem::path path() const;
  DeviceOptions device() const;
  LoadOptions load() const;
};

/// --compute TYPE, or by another name, and what it means.
void add_compute_option(CLI::App& command, const std::string& name, std::string& compute);
Compute parse_compute(const std::string& name);

/// --cache TYPE, the name of a dtype.
void add_cache_option(CLI::App& command, std::string& cache);

/// --exact: one arithmetic for prompts and answers.
void add_exact_option(CLI::App& command, bool& exact);

/// --speculate SOURCE and --draft-tokens N.
void add_speculation_options(CLI::App& command, SpeculationOptions& speculation);

/// --thinking and --no-thinking: what chat templates are told; neither: they decide.
struct ThinkingOption {
  bool yes = false, no = false;

  void add_to(CLI::App& command);
  std::optional<bool> value() const;
};

/// And those of commands that generate text.
struct GenerationOptions {
  SamplingOverrides sampling;
  std::vector<std::string> stop;
  int context = 0;
  std::string cache = "bf16";
  bool exact = false;
  SpeculationOptions speculation = {.source = DraftSource::automatic};
  ThinkingOption thinking;

  void add_to(CLI::App& command);
  AssistantOptions assistant(const ModelOptions& model) const;
};

/// A progress bar on stderr, or nothing if that is not a terminal: "loading [=====     ] 52 %".
/// Shown only once the work has taken a quarter of a second; finish() wipes it.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar() { finish(); }
  void update(int64_t done, int64_t total);
  void finish();

 private:
  std::string label_;
  bool terminal_, shown_ = false;
  int percent_ = -1;
  int64_t start_ms_;
};

/// 1536 -> "1.5 KiB".
std::string bytes_text(int64_t bytes);
/// 15706484224 -> "15.71 B".
std::string count_text(int64_t n);

}  // namespace dure

#include "cli/model_options.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "cli/hub_environment.h"

namespace dure {
namespace {

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void add_adapters_and_arithmetic(CLI::App& command, const std::string& prefix, ModelOptions& options) {
  command
      .add_option(prefix + "lora", options.loras,
                  "A PEFT adapter to add; DIR:SCALE adds SCALE times as much (repeatable)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command
      .add_option(
          prefix + "backend", options.backend,
          "auto, reference, cpu/avx2, cpu/avx512, cpu/avx512vnni, cpu/avx512bf16 or cpu/amx, as the machine allows")
      ->type_name("NAME");
  add_compute_option(command, prefix + "compute", options.compute);
}

}  // namespace

void ModelOptions::add_to(CLI::App& command) {
  command.add_option("MODEL", model, "A folder or GGUF file, or OWNER/NAME of a pulled model")->required();
  add_adapters_and_arithmetic(command, "--", *this);
  command.add_option("-t,--threads", threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command.add_flag("--mmap", in_place,
                   "Use weights where the file has them, without a copy in the kernels' order: loads at once and needs "
                   "less memory, but is slower");
}

void ModelOptions::add_other_to(CLI::App& command) {
  command.add_option("OTHER", model, "The other model, as MODEL")->required();
  add_adapters_and_arithmetic(command, "--other-", *this);
}

std::filesystem::path ModelOptions::path() const { return model_path(model); }

DeviceOptions ModelOptions::device() const { return {backend, threads, parse_compute(compute)}; }

void add_compute_option(CLI::App& command, const std::string& name, std::string& compute) {
  command
      .add_option(
          name, compute,
          fmt::format("Arithmetic of matrix products: f32 takes all as it is; bf16 rounds both sides; int8 is the "
                      "fastest, and rounds what quantised and 16-bit weights are multiplied with. By default {}",
                      compute))
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
}

Compute parse_compute(const std::string& name) {
  return name == "int8" ? Compute::int8 : name == "bf16" ? Compute::bf16 : Compute::f32;
}

void add_exact_option(CLI::App& command, bool& exact) {
  command.add_flag("--exact", exact, "One arithmetic for prompts and answers: whatever is cached, the same bytes");
}

void add_speculation_options(CLI::App& command, SpeculationOptions& speculation) {
  static const std::map<std::string, DraftSource> kSources = {{"none", DraftSource::none},
                                                              {"ngram", DraftSource::ngram},
                                                              {"mtp", DraftSource::mtp},
                                                              {"auto", DraftSource::automatic}};
  command
      .add_option_function<std::string>(
          "--speculate", [&speculation](const std::string& name) { speculation.source = kSources.at(name); },
          "Guess the next tokens and check them together, which changes no answer: mtp with the model's own layer for "
          "that, ngram from what was said before, auto takes what there is; none does not")
      ->type_name("SOURCE")
      ->check(CLI::IsMember({"auto", "mtp", "ngram", "none"}));
  command
      .add_option("--draft-tokens", speculation.max_drafts,
                  "Guesses for one answer at once at most; fewer where they do not pay")
      ->check(CLI::Range(1, 64));
}

void add_cache_option(CLI::App& command, std::string& cache) {
  command.add_option("--cache", cache, "Type of the KV cache: f32, bf16 or f16")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
}

AdapterChoice parse_adapter_choice(const std::string& text) {
  std::error_code ignored;
  const size_t colon = text.rfind(':');
  if (colon == text.npos || std::filesystem::exists(text, ignored)) return {text};
  double scale = 1;
  const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, scale);
  if (error != std::errc() || stop != end) return {text};
  require(std::fabs(scale) <= 1e6, "--lora {}: expected a scale up to 1e6", quote(text, 200));
  return {text.substr(0, colon), scale};
}

LoadOptions ModelOptions::load() const {
  LoadOptions o;
  for (const std::string& lora : loras) o.adapters.push_back(parse_adapter_choice(lora));
  o.in_place = in_place;
  return o;
}

void ThinkingOption::add_to(CLI::App& command) {
  CLI::Option* on = command.add_flag("--thinking", yes, "Tell the chat template to let the model think first");
  command.add_flag("--no-thinking", no, "Tell it to answer at once")->excludes(on);
}

std::optional<bool> ThinkingOption::value() const {
  return yes ? std::optional(true) : no ? std::optional(false) : std::nullopt;
}

void GenerationOptions::add_to(CLI::App& command) {
  command.option_defaults()->group("Answers, where the model's own recommendation is not wanted");
  thinking.add_to(command);
  command.add_option("--temp,--temperature", sampling.temperature, "0 always takes the likeliest token");
  command.add_option("--top-k", sampling.top_k, "Sample from the k likeliest tokens; 0 from all");
  command.add_option("--top-p", sampling.top_p, "Sample from the likeliest tokens that share this probability");
  command.add_option("--min-p", sampling.min_p, "Leave out tokens less likely than this share of the best");
  command.add_option("--typical-p", sampling.typical_p, "Locally typical sampling; 1 is off");
  command.add_option("--repetition-penalty", sampling.repetition_penalty, "More than 1 discourages repetition");
  command.add_option("--presence-penalty", sampling.presence_penalty, "Taken off tokens that occurred");
  command.add_option("--frequency-penalty", sampling.frequency_penalty, "Taken off tokens for each time they occurred");
  command.add_option("-n,--max-tokens", sampling.max_tokens, "Length of an answer at most")->check(kAtLeastOne);
  command.add_option("--seed", sampling.seed, "The same seed gives the same text");
  command.add_option("--stop", stop, "Text that ends an answer (repeatable)")->allow_extra_args(false);
  command.option_defaults()->group("Options");
  command.add_option("-c,--context", context, "Tokens of prompt and answer at most; by default what memory allows")
      ->check(kAtLeastOne);
  add_cache_option(command, cache);
  add_exact_option(command, exact);
  add_speculation_options(command, speculation);
}

AssistantOptions GenerationOptions::assistant(const ModelOptions& model) const {
  AssistantOptions o;
  o.device = model.device();
  o.load = model.load();
  o.max_model_len = context;
  o.exact = exact;
  o.speculation = speculation;
  o.cache_dtype = cache == "f32" ? DType::F32 : cache == "f16" ? DType::F16 : DType::BF16;
  return o;
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) != 0), start_ms_(now_ms()) {}

void ProgressBar::update(int64_t done, int64_t total) {
  if (!terminal_ || total <= 0 || (!shown_ && now_ms() - start_ms_ < 250)) return;
  const int percent = static_cast<int>(std::min<int64_t>(100, done * 100 / total));
  if (percent == percent_) return;
  percent_ = percent;
  shown_ = true;
  constexpr int kWidth = 30;
  const int filled = percent * kWidth / 100;
  fmt::print(stderr, "\r{} [{}{}] {:3} %", label_, std::string(filled, '='), std::string(kWidth - filled, ' '),
             percent);
  std::fflush(stderr);
}

void ProgressBar::finish() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

std::string bytes_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string count_text(int64_t n) {
  const double d = static_cast<double>(n);
  if (d >= 1e9) return fmt::format("{:.2f} B", d / 1e9);
  if (d >= 1e6) return fmt::format("{:.2f} M", d / 1e6);
  return fmt::format("{:.1f} K", d / 1e3);
}

}  // namespace dure

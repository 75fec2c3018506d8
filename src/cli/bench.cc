#include "toolbox/bench.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "toolbox/probe.h"
#include "toolbox/synthetic.h"

namespace dure {
namespace {

struct BenchCommand {
  ModelOptions model;
  std::string shape, type, write, cache = "bf16";
  std::vector<std::string> prefill;
  BenchOptions bench;
  int layers = 0;
  bool json = false;
};

constexpr double kPatience = 20;  // seconds for a run of a case that nobody asked for

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

/// Everything a run has found.
struct Result {
  std::string model, type, backend;
  int threads = 0;
  double load_seconds = 0, first_token_seconds = 0;
  int64_t weight_bytes = 0, peak_memory = 0;
  std::map<DType, double> weight_bytes_by_type;  // that one token reads
  std::vector<BenchCase> cases;
  MachineLimits limits;
};

double bandwidth_share(const BenchCase& c, const MachineLimits& limits) {
  return c.bytes_per_token * c.tokens_per_second / limits.read_bandwidth();
}

double peak_share(const BenchCase& c, double peak) {
  return peak > 0 ? c.operations_per_token * c.tokens_per_second / peak : 0;
}

Json describe(const Result& r) {
  Json cases = Json::array(), by_type = Json::object();
  for (const auto& [dtype, bytes] : r.weight_bytes_by_type) by_type[std::string(name(dtype))] = bytes;
  for (const BenchCase& c : r.cases)
    cases.push_back({{"kind", c.kind},
                     {"tokens", c.tokens},
                     {"depth", c.depth},
                     {"sequences", c.sequences},
                     {"runs", c.runs},
                     {"tokens_per_second", c.tokens_per_second},
                     {"slowest", c.slowest},
                     {"fastest", c.fastest},
                     {"bytes_per_token", c.bytes_per_token},
                     {"operations_per_token", c.operations_per_token},
                     {"bandwidth_share", bandwidth_share(c, r.limits)},
                     {"peak_share", peak_share(c, r.limits.peak())},
                     {"peak_f32_share", peak_share(c, r.limits.peak("f32"))}});
  return {{"model", r.model},
          {"type", r.type},
          {"cpu", cpu_status().model},
          {"compiler", kCompiler},
          {"backend", r.backend},
          {"threads", r.threads},
          {"load_seconds", r.load_seconds},
          {"first_token_seconds", r.first_token_seconds},
          {"weight_bytes", r.weight_bytes},
          {"weight_bytes_by_type", by_type},
          {"peak_memory", r.peak_memory},
          {"limits", to_json(r.limits)},
          {"cases", cases}};
}

std::string case_text(const BenchCase& c) {
  if (c.kind == "prefill") return fmt::format("prefill {}{}", c.tokens, c.depth > 0 ? fmt::format("@{}", c.depth) : "");
  if (c.sequences > 1) return fmt::format("decode {} at once", c.sequences);
  return fmt::format("decode at {}", c.depth);
}

void print(const Result& r) {
  fmt::print("{} ({}), {}, {} threads\n", r.model, r.type, r.backend, r.threads);
  fmt::print("loaded in {:.2f} s, first token after {:.2f} s more, {} of weights, {} of memory at most\n",
             r.load_seconds, r.first_token_seconds, bytes_text(r.weight_bytes), bytes_text(r.peak_memory));
  fmt::print("machine: reads {:.3g} GB/s, multiplies {:.3g} Gop/s at most, {:.3g} Gflop/s in float32\n\n",
             r.limits.read_bandwidth() / 1e9, r.limits.peak() / 1e9, r.limits.peak("f32") / 1e9);
  fmt::print("{:18} {:>10} {:>19}  {:>12} {:>10} {:>8} {:>9}\n", "case", "tokens/s", "slowest to fastest",
             "read a token", "bandwidth", "peak", "f32 peak");
  for (const BenchCase& c : r.cases)
    fmt::print("{:18} {:>10.4g} {:>19}  {:>12} {:>8.1f} % {:>6.1f} % {:>7.1f} %\n", case_text(c), c.tokens_per_second,
               fmt::format("{:.4g} to {:.4g}", c.slowest, c.fastest),
               bytes_text(static_cast<int64_t>(c.bytes_per_token)), 100 * bandwidth_share(c, r.limits),
               100 * peak_share(c, r.limits.peak()), 100 * peak_share(c, r.limits.peak("f32")));
}

/// "512" or "512@4096".
PromptCase parse_prompt(std::string_view text) {
  const auto number = [&](std::string_view digits, int least) {
    constexpr int kMost = 1 << 24;
    int value = -1;
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value);
    require(error == std::errc() && rest == end && value >= least && value <= kMost,
            "--prefill {}: expected TOKENS or TOKENS@DEPTH", quote(text));
    return value;
  };
  const size_t at = text.find('@');
  return {number(text.substr(0, at), 1), at == text.npos ? 0 : number(text.substr(at + 1), 0)};
}

/// The cases that the user has named, or else the usual ones as far as nobody has to wait long for them.
void choose_cases(BenchCommand& o, const CLI::App& command) {
  const bool prefill = command.count("--prefill") > 0, decode = command.count("--decode") > 0,
             parallel = command.count("--parallel") > 0;
  if (!prefill && !decode && !parallel) {
    o.bench.patience = kPatience;
    return;
  }
  o.bench.prefill.clear();
  for (const std::string& text : o.prefill) o.bench.prefill.push_back(parse_prompt(text));
  if (!decode) o.bench.decode.clear();
  if (!parallel) o.bench.parallel.clear();
}

/// --write: the model as a file, which is not measured.
void write_model(const BenchCommand& o) {
  require(!o.shape.empty() && !o.type.empty(), "--write makes a file of a --shape and a --type");
  const std::unique_ptr<Device> device = make_device(o.model.device());
  ProgressBar bar("writing");
  write_synthetic(open_shape(o.shape, o.layers), find_quant_type(o.type), *device, o.write,
                  [&](int64_t done, int64_t total) { bar.update(done, total); });
  bar.finish();
  fmt::print("{}: {}\n", o.write, bytes_text(static_cast<int64_t>(std::filesystem::file_size(o.write))));
}

Result run_bench(BenchCommand& o) {
  using Clock = std::chrono::steady_clock;
  require(o.model.model.empty() != o.shape.empty(), "name a MODEL to measure, or a --shape for random weights");
  require(o.type.empty() || !o.shape.empty(), "--type goes with --shape: a model has its own");
  require(o.layers == 0 || !o.shape.empty(), "--layers goes with --shape: a model has its own");
  o.bench.cache = parse_weight_type(o.cache);
  const std::unique_ptr<Device> device = make_device(o.model.device());
  Result r;
  r.backend = device->backend().name() + ", " + o.model.compute;
  r.threads = device->threads().size();

  std::unique_ptr<Checkpoint> checkpoint;
  StoredModel stored;
  const Clock::time_point start = Clock::now();
  if (o.shape.empty()) {
    checkpoint = open_checkpoint(o.model.path(), *device);
    r.model = o.model.model;
  } else {
    ShapeSource source = open_shape(o.shape, o.layers);
    stored = o.type.empty() ? source.own : as_quantised(source.shape, source.config, find_quant_type(o.type));
    checkpoint = make_synthetic(source, stored, *device);
    r.model = source.name + ", random weights";
  }
  LoadOptions load = o.model.load();
  ProgressBar bar("loading");
  load.progress = [&](int64_t done, int64_t total) { bar.update(done, total); };
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device, load);
  bar.finish();
  r.load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  r.first_token_seconds = time_one_token(*model, *device, o.bench.cache);
  if (o.shape.empty()) stored = as_stored(model_shape(checkpoint->config(), checkpoint->source()), *checkpoint);
  r.type = stored.type;
  r.weight_bytes = stored.file_bytes;
  r.weight_bytes_by_type = stored.weight_bytes(1);

  r.cases = bench_model(*model, *device, stored, o.bench, [&](const BenchCase& c) {
    if (!o.json) fmt::print(stderr, "{}: {:.4g} tokens/s\n", case_text(c), c.tokens_per_second);
  });
  r.peak_memory = peak_memory();  // before the probes take theirs
  r.limits = measure_limits(r.threads, ThreadCounts::all);
  return r;
}

}  // namespace

/// dure bench MODEL: how fast it is, and what share of the machine's limits that is.
void add_bench(CLI::App& app) {
  auto o = std::make_shared<BenchCommand>();
  CLI::App* command = app.add_subcommand("bench", "Measure a model's speed, beside what this machine could do at most");
  o->model.compute = "int8";
  o->model.add_to(*command);
  command->get_option("MODEL")->required(false);
  const auto list = [&](const char* name, std::vector<int>& values, int least, const char* about) {
    command->add_option(name, values, about)->delimiter(',')->type_name("LIST")->check(CLI::Range(least, 1 << 24));
  };
  command->add_option("--prefill", o->prefill, "Tokens of prompts: 512, or 512@4096 after 4096 others")
      ->delimiter(',')
      ->type_name("LIST");
  list("--decode", o->bench.decode, 0, "Tokens in the cache when decoding starts");
  list("--parallel", o->bench.parallel, 1, "Sequences that are decoded together, such as 1,2,4,8");
  command->add_option("--tokens", o->bench.tokens, "Decoded in one run")->check(CLI::Range(1, 1 << 16));
  command->add_option("--repetitions", o->bench.repetitions, "Runs of a case, whose median counts")
      ->check(CLI::Range(1, 1000));
  command->add_option("--seconds", o->bench.seconds, "Enough of a case: no run begins later")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--batch", o->bench.batch, "Rows of a prompt that are computed together")->check(kAtLeastOne);
  add_cache_option(*command, o->cache);
  add_exact_option(*command, o->bench.exact);
  command->add_option("--shape", o->shape, "Instead of MODEL: a name that dure plan knows, or a config.json")
      ->type_name("NAME");
  command->add_option("--layers", o->layers, "Only so many of the layers of --shape: for models that do not fit here")
      ->check(kAtLeastOne);
  command->add_option("--type", o->type, "Type of --shape's random weights, such as q4_k_m; by default as released");
  command
      ->add_option("--write", o->write, "Measure nothing: write --shape in --type as a GGUF file, for other programs")
      ->type_name("FILE");
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o, command] {
    if (!o->write.empty()) return write_model(*o);
    choose_cases(*o, *command);
    const Result result = run_bench(*o);
    if (o->json) {
      fmt::print("{}\n", dump_json(describe(result), 2));
    } else {
      print(result);
    }
  });
}

}  // namespace dure

#include "toolbox/plan.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "backend/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "toolbox/probe.h"
#include "toolbox/shape_source.h"
#include "toolbox/shapes.h"

namespace dure {
namespace {

// Largest first; q4_k_m is what most people take.
constexpr const char* kDefaultTypes[] = {"bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"};

struct PlanCommand {
  std::string model, shape, machine, compute = "int8", cache = "bf16";
  std::vector<int> contexts = {4096, 32768};
  std::vector<std::string> types;
  Costs costs;
  bool json = false;
};

/// Where --machine puts a number.
double* place_of(PlanMachine& m, std::string_view key) {
  if (key == "bandwidth") return &m.read_bandwidth;
  if (key == "peak") return &m.peaks.f32;
  if (key == "bf16") return &m.peaks.bf16;
  if (key == "int8") return &m.peaks.int8;
  return key == "memory" ? &m.memory : nullptr;
}

/// Whether plans for a backend count with a unit of the probes. Tiles are left out: their efficiency was not measured.
bool has_unit(std::string_view backend, const std::string& unit) {
  const bool bf16 = backend == "cpu/avx512bf16" || backend == "cpu/amx", vnni = bf16 || backend == "cpu/avx512vnni";
  if (unit == "avx512_bf16") return bf16;
  if (unit == "avx512_vnni") return vnni;
  return unit == "avx512" ? vnni || backend == "cpu/avx512" : backend == "cpu/" + unit;
}

/// What is not given is this machine's, as far as the backend uses it.
void measure_missing(PlanMachine& m) {
  const MachineLimits limits = measure_limits(0, ThreadCounts::all);
  if (m.read_bandwidth == 0) m.read_bandwidth = limits.read_bandwidth();
  if (m.peaks.f32 > 0) return;
  for (const UnitRate& rate : limits.units)
    if (double* peak = place_of(m, rate.type == "f32" ? "peak" : rate.type);
        peak != nullptr && has_unit(m.backend, rate.unit))
      *peak = rate.operations_per_second;
  if (m.peaks.f32 == 0) m.peaks.f32 = limits.peak("f32");
  require(m.peaks.f32 > 0, "this CPU's peak is not known; give it with --machine peak=GFLOPS");
}

/// "bandwidth=60,peak=500,memory=24": GB/s, Gflop/s (float32), GB. What is not given is this machine's; other peaks
/// follow from the one that is.
PlanMachine read_machine(const std::string& text) {
  PlanMachine m;
  m.backend = backends().back();
  m.memory = static_cast<double>(memory_status().available);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string field = text.substr(at, end - at);
    at = end + 1;
    const size_t sign = std::min(field.find('='), field.size());
    const std::string key = field.substr(0, sign), value = field.substr(std::min(sign + 1, field.size()));
    if (key == "backend") {
      m.backend = value;
      continue;
    }
    double number = 0;
    const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    double* const to = place_of(m, key);
    require(to != nullptr && error == std::errc() && rest == value.data() + value.size() && number > 0,
            "--machine {}: expected bandwidth=GB/s,peak=Gflop/s,bf16=Gflop/s,int8=Gop/s,memory=GB or backend=NAME",
            quote(field));
    *to = number * 1e9;
  }
  if (m.read_bandwidth == 0 || m.peaks.f32 == 0) measure_missing(m);
  m.peaks = m.peaks.filled();
  return m;
}

Json describe(const ShapeSource& source, const PlanMachine& machine, const PlanCommand& o,
              const std::vector<PlanRow>& rows) {
  Json types = Json::array();
  for (const PlanRow& row : rows) {
    Json contexts = Json::array();
    for (const PlanAt& at : row.at)
      contexts.push_back({{"context", at.context},
                          {"cache_bytes", at.cache_bytes},
                          {"memory", at.memory},
                          {"fits", at.fits},
                          {"decode_tokens_per_second", at.decode},
                          {"prefill_tokens_per_second", at.prefill},
                          {"decode_cost_per_million", at.decode_cost},
                          {"prefill_cost_per_million", at.prefill_cost}});
    types.push_back({{"type", row.type},
                     {"file_bytes", row.file_bytes},
                     {"bytes_per_token", row.bytes_per_token},
                     {"context_that_fits", row.context_that_fits},
                     {"contexts", contexts}});
  }
  const ModelInfo& info = source.shape.info;
  return {{"model", source.name},
          {"architecture", info.model_type},
          {"parameters", info.parameters},
          {"active_parameters", info.active_parameters},
          {"context", info.max_position_embeddings},
          {"machine",
           {{"backend", machine.backend},
            {"read_bandwidth", machine.read_bandwidth},
            {"peak_f32", machine.peaks.f32},
            {"peak_bf16", machine.peaks.bf16},
            {"peak_int8", machine.peaks.int8},
            {"memory", machine.memory}}},
          {"compute", o.compute},
          {"costs",
           {{"power_price", o.costs.power_price},
            {"watts", o.costs.watts},
            {"machine_price", o.costs.machine_price},
            {"years", o.costs.years}}},
          {"types", types}};
}

std::string speed_text(double per_second) {
  return per_second >= 100 ? fmt::format("{:.0f}", per_second) : fmt::format("{:.3g}", per_second);
}

void print(const ShapeSource& source, const PlanMachine& machine, const PlanCommand& o, DType cache,
           const std::vector<PlanRow>& rows) {
  const ModelInfo& info = source.shape.info;
  fmt::print("model          {}: {}, {} parameters, {} of them active for a token\n", source.name, info.model_type,
             count_text(info.parameters), count_text(info.active_parameters));
  fmt::print("context        {} tokens at most, {} of {} cache each\n", info.max_position_embeddings,
             bytes_text(cache_bytes_per_token(source.shape.cache_planes, cache)), o.cache);
  fmt::print("machine        {}, --compute {}: reads {:.3g} GB/s, {:.3g} Gflop/s in float32, {} of memory free\n",
             machine.backend, o.compute, machine.read_bandwidth / 1e9, machine.peaks.f32 / 1e9,
             bytes_text(static_cast<int64_t>(machine.memory)));
  fmt::print("cost           of 10^6 tokens: {:.3g} a kWh, {:.3g} W, {:.6g} for a machine that works {:.3g} years\n",
             o.costs.power_price, o.costs.watts, o.costs.machine_price, o.costs.years);
  const std::vector<PlanAt>& depths = rows.front().at;
  fmt::print("\n{:18} {:>10}", "type", "file");
  for (size_t i = 1; i < depths.size(); ++i) fmt::print("  memory at {:<6}", depths[i].context);
  fmt::print("  context that fits\n");
  for (const PlanRow& row : rows) {
    fmt::print("{:18} {:>10}", row.type, bytes_text(row.file_bytes));
    for (size_t i = 1; i < depths.size(); ++i)
      fmt::print("  {:>16}", bytes_text(static_cast<int64_t>(row.at[i].memory)));
    fmt::print("  {}\n", row.context_that_fits > 0 ? std::to_string(row.context_that_fits) : "does not fit");
  }

  fmt::print("\n{:18} ", "tokens/s at");
  for (const char* what : {"written", "read"})
    for (const PlanAt& at : depths) fmt::print(" {:>7} {:<6}", what, at.context);
  fmt::print("  cost of 10^6 written, read\n");
  for (const PlanRow& row : rows) {
    fmt::print("{:18} ", row.type);
    for (const PlanAt& at : row.at) fmt::print(" {:>14}", speed_text(at.decode));
    for (const PlanAt& at : row.at) fmt::print(" {:>14}", speed_text(at.prefill));
    fmt::print("  {:.3g}, {:.3g}{}\n", row.at[0].decode_cost, row.at[0].prefill_cost,
               row.context_that_fits > 0 ? "" : "  with more memory");
  }
  fmt::print(
      "\nSpeeds are computed from the limits of the machine, with so many tokens in the cache; dure bench measures "
      "them.\n");
}

/// A model in the cache by its name there; of one that is not, OWNER/NAME's NAME, which may be a known shape.
std::string locate(const std::string& name) {
  std::error_code ignored;
  const size_t slash = name.rfind('/');
  if (slash == name.npos || std::filesystem::exists(name, ignored)) return name;
  try {
    const std::filesystem::path found = model_path(name);
    if (std::filesystem::exists(found, ignored)) return found.string();
  } catch (const Error&) {  // the shapes are listed instead
  }
  return name.substr(slash + 1);
}

void run_plan(const PlanCommand& o) {
  require(o.model.empty() != o.shape.empty(), "name a model or a shape: expected one of {}",
          fmt::join(shape_names(), ", "));
  const ShapeSource source = open_shape(locate(o.model.empty() ? o.shape : o.model));
  const PlanMachine machine = read_machine(o.machine);
  PlanOptions options;
  options.contexts = o.contexts;
  options.cache = parse_weight_type(o.cache);
  options.compute = parse_compute(o.compute);
  options.costs = o.costs;
  std::vector<PlanRow> rows = {plan(source.own, machine, options)};
  for (const std::string& type : o.types) {
    if (o.types.size() == std::size(kDefaultTypes) && rows.front().type == type + ", as released") continue;
    rows.push_back(plan(as_quantised(source.shape, source.config, find_quant_type(type)), machine, options));
  }
  if (o.json) {
    fmt::print("{}\n", dump_json(describe(source, machine, o, rows), 2));
  } else {
    print(source, machine, o, options.cache, rows);
  }
}

}  // namespace

/// dure plan MODEL: what it takes and how fast it will be in each type, before any download.
void add_plan(CLI::App& app) {
  auto o = std::make_shared<PlanCommand>();
  o->types.assign(std::begin(kDefaultTypes), std::end(kDefaultTypes));
  CLI::App* command =
      app.add_subcommand("plan", "Tell size, memory, speed and cost of a model in each type, before any download");
  command->add_option("MODEL", o->model,
                      "A name such as deepseek-r1, a config.json, a Hugging Face folder or a .gguf file");
  command->add_option("--shape", o->shape, "The same");
  command->add_option("-c,--context", o->contexts, "Tokens in the cache, a list such as 4096,32768")
      ->delimiter(',')
      ->check(kAtLeastOne)
      ->type_name("LIST");
  command->add_option("--type", o->types, "Types to plan for, a list such as q4_k_m,q8_0")
      ->delimiter(',')
      ->type_name("LIST");
  add_cache_option(*command, o->cache);
  add_compute_option(*command, "--compute", o->compute);
  command->add_option(
      "--machine", o->machine,
      "Another machine: bandwidth=GB/s,peak=Gflop/s,memory=GB,backend=NAME, and bf16= and int8=Gop/s where "
      "they are not twice and four times the peak; by default this one, measured");
  command->add_option("--power-price", o->costs.power_price, "Of a kWh")->check(CLI::NonNegativeNumber);
  command->add_option("--watts", o->costs.watts, "Drawn while it computes")->check(CLI::NonNegativeNumber);
  command->add_option("--machine-price", o->costs.machine_price, "In the same currency")->check(CLI::NonNegativeNumber);
  command->add_option("--years", o->costs.years, "That the machine works, day and night")->check(CLI::PositiveNumber);
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] { run_plan(*o); });
}

}  // namespace dure

#include "toolbox/plan.h"

#include <algorithm>

namespace dure {
namespace {

/// Bytes of every output of the widest layer for `rows` rows, and logits of one: what a forward pass holds besides.
double working_bytes(const StoredModel& m, int rows) {
  std::map<std::string, double> layers;  // outputs a row
  for (const StoredParameter& p : m.parameters) {
    if (p.parameter.shape.rank() != 2 || p.parameter.part == Part::mtp) continue;
    if (!p.parameter.name.starts_with("model.layers.")) continue;
    const std::string layer = p.parameter.name.substr(0, p.parameter.name.find('.', 13));
    layers[layer] +=
        static_cast<double>(p.parameter.shape[0]) * (p.parameter.part == Part::expert ? m.expert_share : 1);
  }
  double widest = 0;
  for (const auto& [layer, outputs] : layers) widest = std::max(widest, outputs);
  return 4 * (rows * (widest + 4. * m.info.hidden_size) + m.info.vocab_size);
}

double decode_seconds(const StoredModel& m, const PlanMachine& machine, double cache_bytes) {
  double seconds = cache_bytes / (machine.read_bandwidth * attention_efficiency(machine.backend).decode);
  for (const auto& [dtype, bytes] : m.weight_bytes(1))
    seconds += bytes / (machine.read_bandwidth * weight_efficiency(machine.backend, dtype).decode);
  return seconds;
}

/// Of one row in a batch that ends at `positions`.
double prefill_seconds(const StoredModel& m, const PlanMachine& machine, int batch, double positions,
                       double cache_bytes) {
  double products = 0, bytes = 0, weighted = 0;
  for (const auto& [dtype, n] : m.weight_bytes(1)) {
    bytes += n;
    weighted += n / weight_efficiency(machine.backend, dtype).prefill;
  }
  products = m.operations() * weighted / bytes / machine.peak;
  const double attention =
      m.attention_operations(positions) / (machine.peak * attention_efficiency(machine.backend).prefill);
  const double reading = (m.total_weight_bytes(batch) + cache_bytes) / machine.read_bandwidth / batch;
  return std::max(products + attention, reading);
}

}  // namespace

double Costs::per_second() const {
  constexpr double kHour = 3600, kYear = 365.25 * 24 * kHour;
  return watts / 1000 * power_price / kHour + machine_price / (years * kYear);
}

PlanRow plan(const StoredModel& m, const PlanMachine& machine, const PlanOptions& options) {
  PlanRow row{m.type, m.file_bytes, m.total_weight_bytes(1), 0, {}};
  const double cache_per_token = static_cast<double>(cache_bytes_per_token(m.cache_planes, options.cache));
  const double fixed = static_cast<double>(m.file_bytes) + working_bytes(m, options.batch);
  const double room = (machine.memory - fixed) / cache_per_token;
  row.context_that_fits = static_cast<int>(std::clamp(room, 0., static_cast<double>(m.info.max_position_embeddings)));

  std::vector<int> contexts = {0};
  for (const int context : options.contexts) {
    contexts.push_back(std::min(context, m.info.max_position_embeddings));
    if (contexts.back() == contexts[contexts.size() - 2]) contexts.pop_back();
  }
  for (const int context : contexts) {
    PlanAt at{};
    at.context = context;
    at.cache_bytes = context * cache_per_token;
    at.memory = fixed + at.cache_bytes;
    at.fits = at.memory <= machine.memory;
    at.decode = 1 / decode_seconds(m, machine, at.cache_bytes);
    const double positions = std::max(context - options.batch / 2., options.batch / 2.);
    at.prefill = 1 / prefill_seconds(m, machine, options.batch, positions, at.cache_bytes);
    at.decode_cost = 1e6 / at.decode * options.costs.per_second();
    at.prefill_cost = 1e6 / at.prefill * options.costs.per_second();
    row.at.push_back(at);
  }
  return row;
}

}  // namespace dure

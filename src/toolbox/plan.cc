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

/// Seconds of everything, by what it is computed with.
class Times {
 public:
  Times(const StoredModel& model, const PlanMachine& machine, Compute compute)
      : m_(model), machine_(machine), compute_(compute), attention_(attention_efficiency(machine.backend, compute)) {}

  /// Of one row with a cache of `positions`.
  double decode(double positions, double cache_bytes) const {
    double seconds = std::max(read(cache_bytes, attention_), attend(positions));
    for (const auto& [dtype, bytes] : m_.weight_bytes(1))
      seconds += read(bytes, weight_efficiency(machine_.backend, compute_, dtype));
    return seconds;
  }

  /// Of one row in a batch that ends at `positions`.
  double prefill(int batch, double positions, double cache_bytes) const {
    double bytes = 0, weighted = 0;  // operations are as the bytes of a type, nearly
    for (const auto& [dtype, n] : m_.weight_bytes(1)) {
      bytes += n;
      const Efficiency e = weight_efficiency(machine_.backend, compute_, dtype);
      weighted += n / (e.prefill * machine_.peaks.of(e.unit));
    }
    const double computing = m_.operations() * weighted / bytes + attend(positions);
    const double reading = (m_.total_weight_bytes(batch) + cache_bytes) / machine_.read_bandwidth / batch;
    return std::max(computing, reading);
  }

 private:
  double read(double bytes, const Efficiency& e) const {
    const double unpacking = (1 / e.decode - 1) * measured_balance(machine_.backend) / machine_.peaks.f32;
    return bytes * (1 / machine_.read_bandwidth + unpacking);
  }
  double attend(double positions) const {
    return m_.attention_operations(positions) / (machine_.peaks.of(attention_.unit) * attention_.prefill);
  }

  const StoredModel& m_;
  const PlanMachine& machine_;
  Compute compute_;
  Efficiency attention_;
};

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
  const Times times(m, machine, options.compute);
  for (const int context : contexts) {
    PlanAt at{};
    at.context = context;
    at.cache_bytes = context * cache_per_token;
    at.memory = fixed + at.cache_bytes;
    at.fits = at.memory <= machine.memory;
    at.decode = 1 / times.decode(context, at.cache_bytes);
    const double positions = std::max(context - options.batch / 2., options.batch / 2.);
    at.prefill = 1 / times.prefill(options.batch, positions, at.cache_bytes);
    at.decode_cost = 1e6 / at.decode * options.costs.per_second();
    at.prefill_cost = 1e6 / at.prefill * options.costs.per_second();
    row.at.push_back(at);
  }
  return row;
}

}  // namespace dure

#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/quant/sample_weights.h"

// Weights quantised in a second by one thread, and the error that is left: root mean square, as a share of that of the
// weights; with importance, each square times its column's importance.

namespace dure {
namespace {

double weighted_square(const std::vector<float>& values, const float* importance, int columns) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i)
    sum += static_cast<double>(values[i]) * values[i] * (importance ? importance[i % static_cast<size_t>(columns)] : 1);
  return sum;
}

void quantise_rows(benchmark::State& state, const DTypeInfo& type, bool with_importance) {
  const SampleWeights sample = sample_weights(64, 2048);
  const size_t columns = static_cast<size_t>(sample.columns);
  const float* importance = with_importance ? sample.importance.data() : nullptr;
  std::vector<uint16_t> blocks(static_cast<size_t>(row_bytes(type.dtype, sample.columns) / 2));
  for (auto _ : state)
    for (size_t at = 0; at < sample.values.size(); at += columns) {
      type.quantise(&sample.values[at], importance, blocks.data(), sample.columns);
      benchmark::DoNotOptimize(blocks.data());
    }
  std::vector<float> errors(sample.values.size());
  for (size_t at = 0; at < errors.size(); at += columns) {
    type.quantise(&sample.values[at], importance, blocks.data(), sample.columns);
    type.dequantise(blocks.data(), &errors[at], sample.columns);
  }
  for (size_t i = 0; i < errors.size(); ++i) errors[i] -= sample.values[i];
  state.counters["error"] = std::sqrt(weighted_square(errors, importance, sample.columns) /
                                      weighted_square(sample.values, importance, sample.columns));
  state.counters["Mweights/s"] =
      benchmark::Counter(static_cast<double>(errors.size()) / 1e6, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (int code = 0; code < kDTypes; ++code) {
    const DTypeInfo& type = info(DType(code));
    if (type.block == 1) continue;
    for (const bool importance : {false, true})
      benchmark::RegisterBenchmark(
          ("quantise/" + std::string(type.name) + (importance ? "/importance" : "")).c_str(),
          [&type, importance](benchmark::State& state) { quantise_rows(state, type, importance); });
  }
  return true;
}();

}  // namespace
}  // namespace dure

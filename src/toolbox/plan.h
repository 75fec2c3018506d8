#pragma once

#include <string>
#include <vector>

#include "toolbox/efficiency.h"
#include "toolbox/stored_model.h"

namespace dure {

/// What a plan needs to know of a machine.
struct PlanMachine {
  std::string backend;        ///< "cpu/avx512": decides how much of the limits is reached
  double read_bandwidth = 0;  ///< bytes a second
  UnitPeaks peaks;
  double memory = 0;  ///< bytes that are free
};

/// What an hour of the machine costs, in any currency.
struct Costs {
  double power_price = 0.25;  ///< of a kWh
  double watts = 100;         ///< drawn while it computes
  double machine_price = 1000;
  double years = 4;  ///< of its life, at work day and night

  double per_second() const;
};

struct PlanOptions {
  std::vector<int> contexts;  ///< tokens; longer than the model's are cut to it
  DType cache = DType::BF16;
  Compute compute = Compute::f32;
  int batch = 512;  ///< rows of a prompt that are computed together
  Costs costs;
};

/// A model in one type, with this many tokens in the cache.
struct PlanAt {
  int context;
  double cache_bytes, memory;  ///< memory: weights, cache and working buffers
  bool fits;
  double decode, prefill;            ///< tokens a second at that depth
  double decode_cost, prefill_cost;  ///< of 10^6 tokens
};

struct PlanRow {
  std::string type;
  int64_t file_bytes;
  double bytes_per_token;  ///< of weights, when decoding one sequence
  int context_that_fits;   ///< 0: not even the weights do
  std::vector<PlanAt> at;  ///< an empty cache, then each context
};

/// The formulas are those of docs/performance.md:
///
///     decode  = 1 / (sum over dtypes of weight bytes x (1 / bandwidth + (1 / e_dtype - 1) balance / peak)
///                    + the cache's part)
///     prefill = 1 / (sum over dtypes of operations / (peak e_dtype) + attention operations / (peak e_attention)),
///               or the time to read what a batch of rows reads, if that is longer
///
/// with the peak of float32 in decode, in prefill that of the unit that multiplies the dtype. The cache's part is as
/// that of weights or, where that takes longer, attention operations / (peak e_attention): MLA computes much for each
/// byte.
PlanRow plan(const StoredModel& model, const PlanMachine& machine, const PlanOptions& options);

}  // namespace dure

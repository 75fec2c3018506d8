#pragma once

#include <functional>
#include <string>
#include <vector>

#include "toolbox/stored_model.h"

namespace dure {

/// A prompt of so many tokens after so many others.
struct PromptCase {
  int tokens;
  int depth = 0;
  auto operator<=>(const PromptCase&) const = default;
};

struct BenchOptions {
  std::vector<PromptCase> prefill = {{128}, {512}, {2048}};
  std::vector<int> decode = {0, 4096, 16384, 32768};  ///< tokens in the cache before the first that is decoded
  std::vector<int> parallel = {1, 2, 4, 8, 16, 32};   ///< sequences that are decoded together, from an empty cache
  int tokens = 16;                                    ///< decoded of each sequence in one run
  int repetitions = 5;                                ///< runs of a case, unless they take longer than `seconds`
  double seconds = 5;                                 ///< enough of a case: no run begins later
  int batch = 512;                                    ///< rows of a prompt that are computed together
  DType cache = DType::BF16;
  bool exact = false;  ///< see EngineOptions
  /// A case is left out if a run of it would take longer than this, going by the one before it, or if its cache does
  /// not fit the free memory. 0: none is.
  double patience = 0;
};

/// One case: medians over its runs.
struct BenchCase {
  std::string kind;  ///< "prefill" or "decode"
  int tokens;        ///< of one sequence in one run
  int depth;         ///< tokens in the cache before them
  int sequences;
  int runs;
  double tokens_per_second;     ///< of all sequences together
  double slowest, fastest;      ///< runs
  double bytes_per_token;       ///< read: weights and cache, the experts as if the router chose evenly
  double operations_per_token;  ///< a multiply-add is two
};

/// Runs random token ids, others in each sequence, through the model's forward pass with a KV cache: prompts in batches
/// as the engine has them, with logits for the last row; then sequences that grow by one token a step, with logits for
/// each. What is in the cache before is made up. Nothing is sampled. `report` sees each case as it is done.
/// Cases longer than the model's context are cut to it.
std::vector<BenchCase> bench_model(Model& model, Device& device, const StoredModel& stored, const BenchOptions& options,
                                   const std::function<void(const BenchCase&)>& report);

/// Seconds that a model takes for the logits of one token, with a cache of its own: the first after loading shows what
/// loading has put off.
double time_one_token(Model& model, Device& device, DType cache);

}  // namespace dure

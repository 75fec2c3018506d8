#pragma once

#include <functional>
#include <string>
#include <vector>

#include "toolbox/stored_model.h"

namespace dure {

struct BenchOptions {
  std::vector<int> prefill = {128, 512, 2048};  ///< tokens of a prompt
  std::vector<int> decode = {0, 512, 2048};     ///< tokens in the cache before the first that is decoded
  std::vector<int> parallel;                    ///< sequences that are decoded together, from an empty cache
  int tokens = 16;                              ///< decoded of each sequence in one run
  int repetitions = 5;                          ///< runs of a case; fewer if they take longer than 20 seconds
  int batch = 512;                              ///< rows of a prompt that are computed together
  DType cache = DType::BF16;
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

/// Runs random token ids through the model's forward pass with a KV cache: prompts in batches as the engine has them,
/// with logits for the last row; then sequences that grow by one token a step, with logits for each, after a cache of
/// made-up contents. Nothing is sampled. `report` sees each case as it is done.
/// Cases longer than the model's context are cut to it.
std::vector<BenchCase> bench_model(Model& model, Device& device, const StoredModel& stored, const BenchOptions& options,
                                   const std::function<void(const BenchCase&)>& report);

}  // namespace dure

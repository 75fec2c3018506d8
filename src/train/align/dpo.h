#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "models/model.h"
#include "train/data/token_shard.h"
#include "train/data/token_source.h"

namespace dure {

struct DpoOptions {
  int pairs = 16;                        ///< of a step
  double beta = 0.1;                     ///< how much it costs to move away from the model at the start
  double label_smoothing = 0;            ///< how often the preferences are taken to be wrong
  std::filesystem::path reference = {};  ///< file that keeps what the model at the start made of the pairs
  uint64_t seed = 1;
};

/// Two answers to one prompt. Of each document the answer alone is learned.
struct PreferencePair {
  TokenizedDocument chosen, rejected;
};

/// Direct preference optimisation (arXiv 2305.18290). Minimises the mean over pairs of -log sigmoid(m), where
///
///     m = beta ((log p(chosen) - log p0(chosen)) - (log p(rejected) - log p0(rejected)))
///
/// and p0 is the model at the start; with label smoothing e, of -(1 - e) log sigmoid(m) - e log sigmoid(-m).
///
/// Measures: dpo_loss (that mean), margin (mean m), right (share of pairs with m > 0), chosen (mean log p - log p0).
///
/// Throws Error if there are no pairs, or if `reference` holds what was made of others. REQUIRES: model and device
/// outlive the source; where the reference does not exist yet, the model is the one at the start.
std::unique_ptr<StepSource> make_dpo_source(Model& model, Device& device, std::vector<PreferencePair> pairs,
                                            const DpoOptions& options);

}  // namespace dure

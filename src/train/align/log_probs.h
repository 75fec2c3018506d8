#pragma once

#include <vector>

#include "models/model.h"
#include "train/data/token_shard.h"
#include "train/data/token_source.h"

namespace dure {

/// While it lives, nothing is recorded of what a model does: it may serve although it is trained.
class NoGradient {
 public:
  explicit NoGradient(const Model& model);
  ~NoGradient();
  NoGradient(const NoGradient&) = delete;
  NoGradient& operator=(const NoGradient&) = delete;

 private:
  std::vector<Tensor> stopped_;
};

/// Whole documents as batches of at most so many rows; a longer one is a batch of its own.
std::vector<TokenBatch> pack_documents(const std::vector<TokenizedDocument>& documents, int64_t micro_tokens);

/// log p of each row's target, as a sampler reports it; 0 for rows without one. [T]
/// REQUIRES: a NoGradient.
std::vector<float> target_log_probs(Model& model, const TokenBatch& batch);

}  // namespace dure

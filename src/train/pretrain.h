#pragma once

#include "models/model.h"
#include "train/data/token_source.h"

namespace dure {

/// Rows and targets of a whole step, by which sums over its micro-batches become means.
struct StepSize {
  int64_t rows = 0;
  int64_t targets = 0;        ///< of the next token
  int64_t draft_targets = 0;  ///< of the token after that, where a document goes on so far

  void add(const TokenBatch& batch);
};

struct PretrainOptions {
  double mtp = 0;      ///< weight of the loss of multi-token prediction; 0: that layer does not run
  double balance = 0;  ///< weight of the sequence-wise balance loss of each router
  bool recompute = false;
  Model* teacher = nullptr;  ///< whose logits are learned (ops/distillation.h), or null
  double share = 0;          ///< of that loss, and of -log p(next) the rest
  double temperature = 1;
};

/// What the micro-batches of a step have lost so far, each as a part of the step's mean.
struct PretrainLoss {
  double main = 0, mtp = 0, balance = 0;  ///< not weighted; balance is 1 per router whose experts are used evenly
  double teacher = 0;                     ///< temperature^2 * KL(teacher || model)

  double total(const PretrainOptions& o) const {
    return (1 - o.share) * main + o.share * teacher + o.mtp * mtp + o.balance * balance;
  }
};

/// Pre-training on the next token, as DeepSeek-V3 (section 2): one micro-batch forward and backward. Gradients of
///
///     mean over targets of -log p(next) + mtp * mean of -log p(after next) + balance * mean over rows and sum over
///     routers of the balance loss
///
/// where a teacher may have its share of the first, are added to the parameters' grad(), and the losses to `loss`;
/// targets count as micro.weights has it. `trace` sees the forward pass.
void pretrain_backward(Model& model, Device& device, const TokenBatch& micro, const StepSize& step,
                       const PretrainOptions& options, const Trace& trace, PretrainLoss& loss);

}  // namespace dure

#pragma once

#include <optional>

#include "nn/mlp.h"
#include "ops/balance_loss.h"
#include "ops/moe.h"

namespace dure {

/// Mixture of experts with shared experts beside the routed ones (DeepSeekMoE, Dai et al., 2024).
class MoE : public FeedForward {
 public:
  Linear gate;                     ///< the router: [T, D] -> [T, E]
  Tensor e_score_correction_bias;  ///< [E], moves the choice of experts and not their weight; may be undefined
  std::vector<int> tid2eid;  ///< [V, k], ascending in a row: a token's experts, chosen by its id; empty: by the router
  Routing routing;
  std::vector<Expert> experts;
  std::optional<MLP> shared_experts;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override {  // x: [T, D]
    const Tensor logits = gate(x);                                                // [T, E]
    const Routed routed = tid2eid.empty() ? route(logits, e_score_correction_bias, routing) : hashed(logits, b);
    b.observe("router_experts", layer, routed.ids);
    b.observe("router_weights", layer, routed.weights);
    const Tensor y = balanced(moe(x, experts, routed), logits, routed.ids, b, layer);  // [T, D]
    return shared_experts ? add(y, (*shared_experts)(x)) : y;
  }

 private:
  Tensor balanced(const Tensor& y, const Tensor& logits, const Tensor& ids, const Batch& b, int layer) const {
    if (b.balance == 0) return y;
    const Tensor loss = balance_loss(logits, ids, b.starts, routing.score);  // [1]
    b.observe("balance_loss", layer, loss);
    return with_loss(y, loss, b.balance);
  }
  Routed hashed(const Tensor& logits, const Batch& b) const {
    std::vector<int> ids;
    for (const int token : b.tokens) {
      const auto row = tid2eid.begin() + int64_t{token} * routing.top_k;
      ids.insert(ids.end(), row, row + routing.top_k);
    }
    return route_to(logits, Tensor::from(logits.device(), ids).alias({logits.dim(0), routing.top_k}), routing);
  }
};

}  // namespace dure

#pragma once

#include <optional>

#include "nn/mlp.h"
#include "ops/moe.h"

namespace dure {

/// Mixture of experts with shared experts beside the routed ones (DeepSeekMoE, Dai et al., 2024).
class MoE : public FeedForward {
 public:
  Linear gate;                     ///< the router: [T, D] -> [T, E]
  Tensor e_score_correction_bias;  ///< [E], moves the choice of experts and not their weight; may be undefined
  Routing routing;
  std::vector<Expert> experts;
  std::optional<MLP> shared_experts;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override {  // x: [T, D]
    const Routed routed = route(gate(x), e_score_correction_bias, routing);
    b.observe("router_experts", layer, routed.ids);
    b.observe("router_weights", layer, routed.weights);
    const Tensor y = moe(x, experts, routed);  // [T, D]
    return shared_experts ? add(y, (*shared_experts)(x)) : y;
  }
};

}  // namespace dure

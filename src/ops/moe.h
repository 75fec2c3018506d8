#pragma once

#include "backend/backend.h"

namespace dure {

/// The experts of each row and what they weigh. Ids are constants of the graph; gradients flow through the weights.
struct Routed {
  Tensor ids;      ///< I32 [T, k], ascending
  Tensor weights;  ///< f32 [T, k]
};

/// Chooses experts (DeepSeek-V2 section 2.1, DeepSeek-V3 section 2.1.2; Routing has the variants).
/// logits [T, E]; bias [E] is added for choosing only, and may be undefined.
Routed route(const Tensor& logits, const Tensor& bias, const Routing& routing);

/// What experts weigh that are chosen already: logits [T, E], ids I32 [T, k] ascending.
Routed route_to(const Tensor& logits, const Tensor& ids, const Routing& routing);

/// Routed experts applied and summed: x [T, D] -> [T, D].
/// Gradients flow to x, to the routing weights, and to those of the experts' and adapters' weights that are trained.
Tensor moe(const Tensor& x, const std::vector<Expert>& experts, const Routed& routed);

}  // namespace dure

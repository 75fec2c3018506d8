#pragma once

#include <optional>

#include "nn/layers.h"
#include "nn/linear.h"
#include "nn/rotary.h"

namespace dure {

/// Grouped-query attention (Ainslie et al., 2023) as in Llama, Qwen2 (biases) and Qwen3 (q and k normalised per head).
class GQA : public Attention {
 public:
  int num_heads, num_key_value_heads, head_dim;
  Linear q_proj, k_proj, v_proj, o_proj;
  std::optional<RmsNorm> q_norm, k_norm;
  RotaryEmbedding rotary;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override;
  std::vector<CachePlane> cache_planes() const override;
  int64_t products() const override { return int64_t{num_heads} * 2 * head_dim; }
};

}  // namespace dure

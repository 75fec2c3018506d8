#pragma once

#include <optional>

#include "nn/layers.h"
#include "nn/linear.h"
#include "nn/rotary.h"

namespace dure {

/// Multi-head latent attention (DeepSeek-V2, section 2.1), in its absorbed form.
///
/// A token is remembered by its normalised latent c [kv_lora_rank] and one rotary key k_r [rope], shared by all heads.
/// The paper's keys and values, k_h = W_UK_h c and v_h = W_UV_h c, are never made:
///
///     q_h . k_h = (W_UK_h^T q_h) . c          so the query goes into latent space, and
///     sum_j p_j v_hj = W_UV_h (sum_j p_j c_j)  so the value comes out of it after the softmax.
///
/// kv_b_proj holds W_UK and W_UV of each head, one above the other; it is applied in both directions as it is stored.
class MLA : public Attention {
 public:
  int num_heads, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, kv_lora_rank;
  std::optional<Linear> q_a_proj;  ///< absent in V2-Lite: q_b_proj is then q_proj
  std::optional<RmsNorm> q_a_norm;
  Linear q_b_proj, kv_a_proj, o_proj;
  RmsNorm kv_a_norm;
  HeadLinear w_uk;  ///< [T, H, nope] -> [T, H, kv_lora_rank]
  HeadLinear w_uv;  ///< [T, H, kv_lora_rank] -> [T, H, v]
  RotaryEmbedding rotary;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override;
  std::vector<CachePlane> cache_planes() const override;
  int64_t products() const override { return int64_t{num_heads} * (2 * kv_lora_rank + qk_rope_head_dim); }
};

}  // namespace dure

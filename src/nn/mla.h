#pragma once

#include <optional>

#include "nn/indexer.h"

namespace dure {

/// Multi-head latent attention (DeepSeek-V2, section 2.1).
///
/// A token is remembered by its normalised latent c [kv_lora_rank] and one rotary key k_r [rope], shared by all heads.
/// In the absorbed form the paper's keys and values, k_h = W_UK_h c and v_h = W_UV_h c, are never made:
///
///     q_h . k_h = (W_UK_h^T q_h) . c          so the query goes into latent space, and
///     sum_j p_j v_hj = W_UV_h (sum_j p_j c_j)  so the value comes out of it after the softmax.
///
/// That reads little and multiplies much: right for a few rows. Rows of a prompt with a cache attend the positions of
/// their own cell (see Cells) expanded, by keys and values made of the latents as the cache has rounded them, which
/// costs a third for each row; earlier cells absorbed; and both are merged by log-sum-exp. A row's arithmetic follows
/// from its position and kind, so how a prompt is cut into chunks within a cell changes nothing.
///
/// With an indexer (DeepSeek-V3.2) rows past its first topk positions attend those alone that it picks, absorbed, over
/// lines that are gathered for them.
///
/// kv_b_proj holds W_UK and W_UV of each head, one above the other; it is applied in both directions.
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
  std::optional<Indexer> indexer;  ///< needs q_a_proj

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override;
  std::vector<CachePlane> cache_planes() const override;
  int64_t products() const override { return int64_t{num_heads} * (2 * kv_lora_rank + qk_rope_head_dim); }

 private:
  /// Queries q_nope [T, H, nope] and q_pe [T, H, rope], new latents c [T, 1, 512] and rotary keys k_pe [T, 1, rope]
  /// to outputs of the heads [T, H, v].
  Tensor absorbed(const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe, const Batch& b,
                  int layer) const;
  Tensor prompt(const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe, const Batch& b,
                int layer) const;
  /// Writes the rows of o [T, H, v] that attend picked positions.
  void attend_picked(const Tensor& o, const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe,
                     const SparseRows& sparse, const Batch& b, int layer) const;
  float scale() const;
};

}  // namespace dure

#include "nn/mla.h"

#include <cmath>

#include "ops/view.h"

namespace dure {

Tensor MLA::operator()(const Tensor& x, const Batch& b, int layer) const {  // x: [T, D]
  const int nope = qk_nope_head_dim, rope = qk_rope_head_dim;
  const Tensor q = q_b_proj(q_a_proj ? (*q_a_norm)((*q_a_proj)(x)) : x);
  const auto [q_nope, q_r] = split(reshape(q, {-1, num_heads, nope + rope}), nope);  // [T, H, nope] [T, H, rope]
  const auto [latent, k_r] = split(kv_a_proj(x), kv_lora_rank);                      // [T, 512] [T, rope]

  const Tensor q_c = w_uk(q_nope);                                     // [T, H, 512]
  const Tensor query = concat(q_c, rotary(q_r, b));                    // [T, H, 512 + rope]
  const Tensor c = reshape(kv_a_norm(latent), {-1, 1, kv_lora_rank});  // [T, 1, 512]
  const Tensor k_pe = rotary(reshape(k_r, {-1, 1, rope}), b);          // [T, 1, rope]

  const float scale = rotary.softmax_scale / std::sqrt(static_cast<float>(nope + rope));
  const Tensor o_c = attend(query, {c, k_pe}, c, b, layer, scale);           // [T, H, 512]
  return o_proj(reshape(w_uv(o_c), {-1, int64_t{num_heads} * v_head_dim}));  // [T, D]
}

std::vector<CachePlane> MLA::cache_planes() const { return {{"c_kv", kv_lora_rank}, {"k_pe", qk_rope_head_dim}}; }

}  // namespace dure

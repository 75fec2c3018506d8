#include "nn/gqa.h"

#include <cmath>

#include "ops/view.h"

namespace dure {

Tensor GQA::operator()(const Tensor& x, const Batch& b, int layer) const {  // x: [T, D]
  Tensor q = reshape(q_proj(x), {-1, num_heads, head_dim});                 // [T, H, Dh]
  Tensor k = reshape(k_proj(x), {-1, num_key_value_heads, head_dim});       // [T, Hkv, Dh]
  Tensor v = reshape(v_proj(x), {-1, num_key_value_heads, head_dim});       // [T, Hkv, Dh]
  if (q_norm) q = (*q_norm)(q);
  if (k_norm) k = (*k_norm)(k);
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  const Tensor o = attend(rotary(q, b), {rotary(k, b), {}}, v, b, layer, scale);  // [T, H, Dh]
  return o_proj(reshape(o, {-1, int64_t{num_heads} * head_dim}));                 // [T, D]
}

std::vector<CachePlane> GQA::cache_planes() const {
  const int width = num_key_value_heads * head_dim;
  return {{"k", width}, {"v", width}};
}

}  // namespace dure

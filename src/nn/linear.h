#pragma once

#include "nn/lora.h"
#include "ops/layer_norm.h"
#include "ops/rms_norm.h"

namespace dure {

/// y = x W^T + bias, and what adapters add.
struct Linear {
  Weight weight;                 ///< [N, K]
  Tensor bias = {};              ///< [N], or undefined
  std::vector<Lora> loras = {};  ///< of all adapters that the model was loaded with

  Tensor operator()(const Tensor& x) const {  // [..., K] -> [..., N]
    const Tensor y = adapt(linear(x, weight), x, loras);
    return bias.defined() ? add(y, bias) : y;
  }
};

/// A linear map for each head: MLA's halves of kv_b_proj, which checkpoints store in either orientation.
struct HeadLinear {
  Weight weight;
  HeadRows rows;
  Direction direction;
  std::vector<HeadLora> loras = {};

  /// The other way: [T, H, out] -> [T, H, in].
  HeadLinear turned() const {
    HeadLinear t{weight, rows, opposite(direction)};
    for (const HeadLora& l : loras) t.loras.push_back(l.turned());
    return t;
  }
  /// What this and turned() multiply with, ready for both.
  void prepare(Device& device) { device.backend().prepare_heads(weight, rows); }

  Tensor operator()(const Tensor& x) const {  // [T, H, in] -> [T, H, out]
    Tensor y = linear_heads(x, weight, rows, direction);
    for (const HeadLora& l : loras)
      if (l.lora.active()) y = add(y, l(x));
    return y;
  }
};

struct RmsNorm {
  Tensor weight;  ///< [D]
  float eps;

  Tensor operator()(const Tensor& x) const { return rms_norm(x, weight, eps); }  // [..., D] -> [..., D]
};

struct LayerNorm {
  Tensor weight, bias;  ///< [D]
  float eps;

  Tensor operator()(const Tensor& x) const { return layer_norm(x, weight, bias, eps); }  // [..., D] -> [..., D]
};

}  // namespace dure

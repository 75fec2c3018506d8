#pragma once

#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"

namespace dure {

/// y = x W^T + bias.
struct Linear {
  Weight weight;  ///< [N, K]
  Tensor bias;    ///< [N], or undefined

  Tensor operator()(const Tensor& x) const {  // [..., K] -> [..., N]
    const Tensor y = linear(x, weight);
    return bias.defined() ? add(y, bias) : y;
  }
};

/// A linear map for each head: MLA's halves of kv_b_proj, which checkpoints store in either orientation.
struct HeadLinear {
  Weight weight;
  HeadRows rows;
  Direction direction;

  Tensor operator()(const Tensor& x) const { return linear_heads(x, weight, rows, direction); }  // [T,H,in]->[T,H,out]
};

struct RmsNorm {
  Tensor weight;  ///< [D]
  float eps;

  Tensor operator()(const Tensor& x) const { return rms_norm(x, weight, eps); }  // [..., D] -> [..., D]
};

}  // namespace dure

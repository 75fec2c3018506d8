#pragma once

#include "nn/layers.h"
#include "nn/linear.h"

namespace dure {

/// The gated feed-forward layer: down(silu(gate(x)) * up(x)) (Shazeer, 2020).
class MLP : public FeedForward {
 public:
  Linear gate_proj, up_proj, down_proj;
  float swiglu_limit = kNoLimit;

  Tensor operator()(const Tensor& x) const {  // [T, D] -> [T, D]
    return down_proj(swiglu(gate_proj(x), up_proj(x), swiglu_limit));
  }
  Tensor operator()(const Tensor& x, const Batch&, int) const override { return (*this)(x); }
};

}  // namespace dure

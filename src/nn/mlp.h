#pragma once

#include "nn/layers.h"
#include "nn/linear.h"

namespace dure {

/// The gated feed-forward layer: down(silu(gate(x)) * up(x)) (Shazeer, 2020).
class MLP : public FeedForward {
 public:
  Linear gate_proj, up_proj, down_proj;

  Tensor operator()(const Tensor& x) const { return down_proj(swiglu(gate_proj(x), up_proj(x))); }  // [T, D] -> [T, D]
  Tensor operator()(const Tensor& x, const Batch&, int) const override { return (*this)(x); }
};

}  // namespace dure

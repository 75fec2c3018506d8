#pragma once

#include <vector>

#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/view.h"

namespace dure {

/// y + what each adapter adds to a linear map of x: scale * (x A^T) B^T. The base is neither copied nor changed.
/// x [..., K], y [..., N]; gradients flow to x and to matrices in training.
inline Tensor adapt(Tensor y, const Tensor& x, const std::vector<Lora>& loras) {
  for (const Lora& l : loras)
    if (l.active()) y = add(y, linear(scale(linear(x, l.a), l.scale), l.b));
  return y;
}

/// An adapter of a matrix whose rows belong to heads: B_h has the rows of head h, A serves them all. W_h may be applied
/// either way, and so is what is added to it, by its two factors in turn.
struct HeadLora {
  Lora lora;
  HeadRows rows;  ///< of B
  Direction direction;

  HeadLora turned() const { return {lora, rows, opposite(direction)}; }

  Tensor operator()(const Tensor& x) const {  // [T, H, in] -> [T, H, out]
    const Lora& l = lora;
    if (direction == Direction::forward)  // B_h (A x)
      return linear_heads(scale(linear(x, l.a), l.scale), l.b, rows, direction);
    const int64_t T = x.dim(0), H = x.dim(1), r = l.a.out_features();
    const Tensor low = scale(linear_heads(x, l.b, rows, direction), l.scale);  // A^T (B_h^T x): [T, H, r]
    const Tensor y = linear_heads(reshape(low, {T * H, 1, r}), l.a, {r, 0, r}, direction);
    return reshape(y, {T, H, l.a.in_features()});
  }
};

}  // namespace dure

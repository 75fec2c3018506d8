#pragma once

#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

/// One gradient for each input of an op, in the same order; an undefined tensor where none is wanted.
using Gradients = std::vector<Tensor>;

/// How a tensor was made. Kept by the result as long as somebody may ask for its gradient.
struct Node {
  std::vector<Tensor> inputs;
  std::function<Gradients(const Tensor& dy)> backward;
};

/// Ends an op: if an input requires a gradient, y remembers the op. `backward` maps dL/dy to the inputs' gradients and
/// must not hold y itself (it would never be freed). With nothing to differentiate, nothing is recorded.
template <class Backward>
Tensor record(Tensor y, std::vector<Tensor> inputs, Backward&& backward) {
  bool wanted = false;
  for (const Tensor& input : inputs) wanted |= input.requires_grad();
  if (!wanted) return y;
  y.set_requires_grad(true);
  y.set_node(std::make_shared<Node>(Node{std::move(inputs), std::forward<Backward>(backward)}));
  return y;
}

/// Ends an op that has no gradient, such as a write into the cache. Throws Error if an input requires one.
void record_nothing(const char* op, const std::vector<Tensor>& inputs);

/// Adds dL/dleaf to grad() of every leaf that requires it, for a scalar L [1]. Runs each recorded op once, last first.
void backward(const Tensor& loss);

}  // namespace dure

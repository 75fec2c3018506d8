#pragma once

#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

/// One gradient for each input of an op, in the same order; an undefined tensor where none is wanted.
using Gradients = std::vector<Tensor>;

/// How a tensor was made. Kept by the result as long as somebody may ask for its gradient.
struct Node {
  using Backward = std::function<Gradients(const Tensor& dy)>;

  Node(std::vector<Tensor> from, Backward rule) : inputs(std::move(from)), backward(std::move(rule)) {}
  ~Node();  ///< takes as little stack for a chain of a million ops as for one
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::vector<Tensor> inputs;
  Backward backward;
};

/// Whether an op on these inputs is recorded. For ops whose backward needs copies that inference should not pay for.
bool any_requires_grad(const std::vector<Tensor>& tensors);

/// Ends an op: if an input requires a gradient, y remembers the op. `backward` maps dL/dy to the inputs' gradients and
/// must not hold y itself (it would never be freed). It may hold inputs and tensors that no op made. With nothing to
/// differentiate, nothing is recorded.
template <class Backward>
Tensor record(Tensor y, std::vector<Tensor> inputs, Backward&& backward) {
  if (!any_requires_grad(inputs)) return y;
  y.set_requires_grad(true);
  y.set_node(std::make_shared<Node>(std::move(inputs), std::forward<Backward>(backward)));
  return y;
}

/// Ends an op that has no gradient, such as a write into the cache. Throws Error if an input requires one.
void record_nothing(const char* op, const std::vector<Tensor>& inputs);

/// Adds dL/dleaf to grad() of every leaf that requires it, for a scalar L [1]. Runs each recorded op once, last first.
/// Throws Error if L has more elements than one or depends on no such leaf.
void backward(const Tensor& loss);

/// The leaves that backward() would give a gradient: tensors that require one and that no op made.
std::vector<Tensor> leaves(const Tensor& y);

/// dL/dleaf for each of `leaves`, given dL/dy; undefined for one that y does not depend on. No grad() changes.
Gradients gradients(const Tensor& y, const Tensor& dy, const std::vector<Tensor>& leaves);

}  // namespace dure

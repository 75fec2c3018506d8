#include "ops/checkpoint.h"

#include "ops/tape.h"

namespace dure {
namespace {

/// The same memory with no past: as an input it is where the block's own graph ends.
Tensor detach(const Tensor& x) {
  Tensor t = x.alias(x.shape(), x.view().strides, 0);
  t.set_requires_grad(x.requires_grad());
  return t;
}

}  // namespace

Tensor checkpoint(Block block, const Tensor& x) {
  const Tensor start = detach(x);
  const Tensor y = block(start);
  if (!y.requires_grad()) return y;

  std::vector<Tensor> inputs{x};
  for (const Tensor& leaf : leaves(y))
    if (!leaf.same(start)) inputs.push_back(leaf);
  const Tensor result = y.alias(y.shape(), y.view().strides, 0);
  return record(result, inputs, [block = std::move(block), inputs](const Tensor& dy) {
    std::vector<Tensor> from = inputs;
    from[0] = detach(inputs[0]);
    return gradients(block(from[0]), dy, from);
  });
}

}  // namespace dure

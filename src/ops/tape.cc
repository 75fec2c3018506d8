#include "ops/tape.h"

#include <unordered_map>
#include <unordered_set>

#include "backend/backend.h"
#include "base/error.h"

namespace dure {
namespace {

/// Tensors that L depends on, each after all of its inputs. Iterative: a graph may be deeper than the stack.
std::vector<Tensor> in_order(const Tensor& loss) {
  std::vector<Tensor> order;
  std::unordered_set<const void*> seen;
  std::vector<std::pair<Tensor, bool>> stack{{loss, false}};
  while (!stack.empty()) {
    const auto [t, inputs_done] = stack.back();
    stack.pop_back();
    if (inputs_done) {
      order.push_back(t);
      continue;
    }
    if (!t.requires_grad() || !seen.insert(t.id()).second) continue;
    stack.push_back({t, true});
    if (t.node() != nullptr)
      for (const Tensor& input : t.node()->inputs) stack.push_back({input, false});
  }
  return order;
}

void add_to(Tensor& sum, const Tensor& part) {
  if (!sum.defined()) {
    sum = Tensor::zeros(part.device(), DType::F32, part.shape());
  }
  part.device().backend().accumulate(sum.view(), part.view());
}

}  // namespace

void record_nothing(const char* op, const std::vector<Tensor>& inputs) {
  for (const Tensor& input : inputs) require(!input.requires_grad(), "{}: no gradient flows through this op", op);
}

void backward(const Tensor& loss) {
  require(loss.numel() == 1, "backward: expected a loss of one element, found {}", loss.shape());
  std::unordered_map<const void*, Tensor> gradients;
  const float one = 1;
  gradients[loss.id()] = Tensor::from(loss.device(), {&one, 1}, loss.shape());

  const std::vector<Tensor> order = in_order(loss);
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Tensor t = *it;
    const auto found = gradients.find(t.id());
    if (found == gradients.end()) continue;  // L does not change with it
    const Tensor dy = found->second;
    gradients.erase(found);
    if (t.node() == nullptr) {
      Tensor sum = t.grad();
      add_to(sum, dy);
      t.set_grad(sum);
      continue;
    }
    const std::vector<Tensor>& inputs = t.node()->inputs;
    const Gradients parts = t.node()->backward(dy);
    DURE_ASSERT(parts.size() == inputs.size());
    for (size_t i = 0; i < parts.size(); ++i)
      if (inputs[i].requires_grad() && parts[i].defined()) add_to(gradients[inputs[i].id()], parts[i]);
  }
}

}  // namespace dure

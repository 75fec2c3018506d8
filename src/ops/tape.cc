#include "ops/tape.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "backend/backend.h"
#include "base/error.h"

namespace dure {
namespace {

/// Tensors that y depends on and that require a gradient, each after all of its inputs. Iterative: a graph may be
/// deeper than the stack.
std::vector<Tensor> in_order(const Tensor& y) {
  std::vector<Tensor> order;
  std::unordered_set<const void*> seen;
  std::vector<std::pair<Tensor, bool>> stack{{y, false}};
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

/// sum += part, into memory of its own: `part` may be the gradient of several tensors at once.
void add_to(Tensor& sum, const Tensor& part) {
  Backend& backend = part.device().backend();
  if (sum.defined()) return backend.accumulate(sum.view(), part.view());
  sum = Tensor::empty(part.device(), DType::F32, part.shape());
  backend.copy(sum.view(), part.view());
}

/// Carries dL/dy back to the leaves: leaf(t, dL/dt) for each that L changes with.
template <class Leaf>
void propagate(const Tensor& y, const Tensor& dy, Leaf leaf) {
  std::unordered_map<const void*, Tensor> gradients;
  gradients[y.id()] = dy;
  const std::vector<Tensor> order = in_order(y);
  for (auto t = order.rbegin(); t != order.rend(); ++t) {
    const auto found = gradients.find(t->id());
    if (found == gradients.end()) continue;
    const Tensor dt = std::move(found->second);
    gradients.erase(found);
    if (t->node() == nullptr) {
      leaf(*t, dt);
      continue;
    }
    const std::vector<Tensor>& inputs = t->node()->inputs;
    const Gradients parts = t->node()->backward(dt);
    DURE_ASSERT(parts.size() == inputs.size());
    for (size_t i = 0; i < parts.size(); ++i)
      if (inputs[i].requires_grad() && parts[i].defined()) add_to(gradients[inputs[i].id()], parts[i]);
  }
}

}  // namespace

/// The last handle on a long chain would otherwise free it by one nested destructor per op. Here the inputs of ops that
/// nobody else holds join a list instead.
Node::~Node() {
  backward = nullptr;  // holds inputs too: they are freed below, where the chain is cut
  std::vector<Tensor> dying = std::move(inputs);
  while (!dying.empty()) {
    const Tensor t = std::move(dying.back());
    dying.pop_back();
    if (!t.unique() || t.node().use_count() != 1) continue;
    Node& node = *t.node();
    node.backward = nullptr;
    std::ranges::move(node.inputs, std::back_inserter(dying));
    node.inputs.clear();
  }
}

bool any_requires_grad(const std::vector<Tensor>& tensors) {
  return std::ranges::any_of(tensors, [](const Tensor& t) { return t.requires_grad(); });
}

void record_nothing(const char* op, const std::vector<Tensor>& inputs) {
  require(!any_requires_grad(inputs), "{}: no gradient flows through this op", op);
}

void backward(const Tensor& loss) {
  require(loss.numel() == 1, "backward: expected a loss of one element, found {}", loss.shape());
  require(loss.requires_grad(), "backward: the loss depends on nothing that requires a gradient");
  const float one = 1;
  propagate(loss, Tensor::from(loss.device(), {&one, 1}, loss.shape()), [](Tensor leaf, const Tensor& gradient) {
    Tensor sum = leaf.grad();
    add_to(sum, gradient);
    leaf.set_grad(sum);
  });
}

std::vector<Tensor> leaves(const Tensor& y) {
  std::vector<Tensor> found = in_order(y);
  std::erase_if(found, [](const Tensor& t) { return t.node() != nullptr; });
  return found;
}

Gradients gradients(const Tensor& y, const Tensor& dy, const std::vector<Tensor>& leaves) {
  std::unordered_map<const void*, Tensor> of;
  propagate(y, dy, [&](const Tensor& leaf, const Tensor& gradient) { of[leaf.id()] = gradient; });
  Gradients result;
  for (const Tensor& leaf : leaves) result.push_back(of[leaf.id()]);
  return result;
}

}  // namespace dure

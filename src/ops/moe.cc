#include "ops/moe.h"

#include <algorithm>

#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

bool is_trained(const Expert& e) {
  return e.gate.data.requires_grad() || e.up.data.requires_grad() || e.down.data.requires_grad();
}

}  // namespace

Routed route(const Tensor& logits, const Tensor& bias, const Routing& routing) {
  const int64_t T = logits.dim(0), E = logits.dim(1);
  require(routing.top_k >= 1 && routing.top_k <= E, "route: top {} of {} experts", routing.top_k, E);
  require(routing.groups == Routing::Groups::none ||
              (E % routing.n_group == 0 && routing.topk_group * (E / routing.n_group) >= routing.top_k),
          "route: top {} of {} experts in {} of {} groups", routing.top_k, E, routing.topk_group, routing.n_group);
  if (bias.defined()) require(bias.shape() == Shape{E}, "route: {} experts, bias {}", E, bias.shape());
  Backend& backend = logits.device().backend();

  Tensor ids = Tensor::empty(logits.device(), DType::I32, {T, routing.top_k});      // [T, k]
  Tensor weights = Tensor::empty(logits.device(), DType::F32, {T, routing.top_k});  // [T, k]
  backend.route(ids.view(), weights.view(), logits.view(), bias.defined() ? bias.view() : View(), routing);

  weights = record(weights, {logits}, [=, &backend](const Tensor& dweights) {
    Tensor dlogits = Tensor::like(logits);  // [T, E]
    backend.route_backward(dlogits.view(), dweights.view(), logits.view(), ids.view(), routing);
    return Gradients{dlogits};
  });
  return {ids, weights};
}

Tensor moe(const Tensor& x, const std::vector<Expert>& experts, const Routed& routed) {
  require(!experts.empty() && x.dim(-1) == experts.front().gate.in_features(),
          "moe: x {} for {} experts of {} channels", x.shape(), experts.size(),
          experts.empty() ? 0 : experts.front().gate.in_features());
  require(routed.ids.dim(0) == x.dim(0), "moe: {} rows, {} of them routed", x.dim(0), routed.ids.dim(0));
  for (const int id : routed.ids.data<int>())
    require(id >= 0 && id < static_cast<int>(experts.size()), "moe: expert {} of {}", id, experts.size());
  Backend& backend = x.device().backend();

  Tensor y = Tensor::empty(x.device(), DType::F32, x.shape());  // [T, D]
  backend.moe(y.view(), x.view(), experts, routed.ids.view(), routed.weights.view());

  const bool train_experts = std::ranges::any_of(experts, is_trained);
  std::vector<Tensor> inputs = {x, routed.weights};
  if (train_experts)
    for (const Expert& e : experts) inputs.insert(inputs.end(), {e.gate.data, e.up.data, e.down.data});
  if (!any_requires_grad(inputs)) return y;  // before all experts are copied into the graph
  return record(y, std::move(inputs), [=, &backend](const Tensor& dy) {
    const auto zeros = [&](const Tensor& t) { return Tensor::zeros(x.device(), DType::F32, t.shape()); };
    Gradients g = {zeros(x), zeros(routed.weights)};
    std::vector<Backend::ExpertGradient> dexperts;
    if (train_experts)
      for (const Expert& e : experts) {
        const size_t first = g.size();
        g.insert(g.end(), {zeros(e.gate.data), zeros(e.up.data), zeros(e.down.data)});  // [I, D] [I, D] [D, I]
        dexperts.push_back({g[first].view(), g[first + 1].view(), g[first + 2].view()});
      }
    backend.moe_backward(g[0].view(), g[1].view(), dexperts, dy.view(), x.view(), experts, routed.ids.view(),
                         routed.weights.view());
    return g;
  });
}

}  // namespace dure

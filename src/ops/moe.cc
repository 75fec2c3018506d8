#include "ops/moe.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

/// Everything of an expert that may be trained, in one order.
std::vector<Tensor> tensors_of(const Expert& e) {
  std::vector<Tensor> all = {e.gate.data, e.up.data, e.down.data};
  for (const auto* loras : {&e.gate_loras, &e.up_loras, &e.down_loras})
    for (const Lora& lora : *loras) all.insert(all.end(), {lora.a.data, lora.b.data});
  return all;
}

bool is_trained(const Expert& e) {  // asked for each expert at each step, so without a list
  const auto weight = [](const Weight& w) { return w.data.requires_grad(); };
  const auto any = [&](const std::vector<Lora>& loras) {
    return std::ranges::any_of(loras, [&](const Lora& l) { return weight(l.a) || weight(l.b); });
  };
  return weight(e.gate) || weight(e.up) || weight(e.down) || any(e.gate_loras) || any(e.up_loras) || any(e.down_loras);
}

/// Where the gradients of tensors_of(e) go; an undefined one is not wanted.
Backend::ExpertGradient gradient_views(const Expert& e, std::span<const Tensor> gradients) {
  const auto next = [&] {
    const Tensor& g = gradients.front();
    gradients = gradients.subspan(1);
    return g.defined() ? g.view() : View();
  };
  const auto next_pairs = [&](const std::vector<Lora>& loras) {
    std::vector<Backend::LoraGradient> pairs;
    for (size_t i = 0; i < loras.size(); ++i) {
      const View a = next();
      pairs.push_back({a, next()});
    }
    return pairs;
  };
  Backend::ExpertGradient views;
  views.gate = next(), views.up = next(), views.down = next();
  views.gate_loras = next_pairs(e.gate_loras);
  views.up_loras = next_pairs(e.up_loras);
  views.down_loras = next_pairs(e.down_loras);
  return views;
}

/// The weights of a choice, with their gradient.
Routed with_gradient(const Tensor& ids, const Tensor& weights, const Tensor& logits, const Routing& routing) {
  Backend& backend = logits.device().backend();
  return {ids, record(weights, {logits}, [=, &backend](const Tensor& dweights) {
            Tensor dlogits = Tensor::like(logits);  // [T, E]
            backend.route_backward(dlogits.view(), dweights.view(), logits.view(), ids.view(), routing);
            return Gradients{dlogits};
          })};
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
  return with_gradient(ids, weights, logits, routing);
}

Routed route_to(const Tensor& logits, const Tensor& ids, const Routing& routing) {
  require(ids.shape() == Shape{logits.dim(0), routing.top_k}, "route_to: {} rows of {} experts, ids {}", logits.dim(0),
          routing.top_k, ids.shape());
  for (const int id : ids.data<int>())
    require(id >= 0 && id < logits.dim(1), "route_to: expert {} of {}", id, logits.dim(1));
  Tensor weights = Tensor::empty(logits.device(), DType::F32, ids.shape());  // [T, k]
  logits.device().backend().route_weights(weights.view(), logits.view(), ids.view(), routing);
  return with_gradient(ids, weights, logits, routing);
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
    for (const Expert& e : experts) std::ranges::copy(tensors_of(e), std::back_inserter(inputs));
  if (!any_requires_grad(inputs)) return y;  // before all experts are copied into the graph
  return record(y, std::move(inputs), [=, &backend](const Tensor& dy) {
    const auto zeros = [&](const Tensor& t) { return Tensor::zeros(x.device(), DType::F32, t.shape()); };
    Gradients g = {zeros(x), zeros(routed.weights)};
    std::vector<Backend::ExpertGradient> dexperts;
    if (train_experts)
      for (const Expert& e : experts) {
        const size_t first = g.size();
        for (const Tensor& t : tensors_of(e)) g.push_back(t.requires_grad() ? zeros(t) : Tensor());
        dexperts.push_back(gradient_views(e, std::span(g).subspan(first)));
      }
    backend.moe_backward(g[0].view(), g[1].view(), dexperts, dy.view(), x.view(), experts, routed.ids.view(),
                         routed.weights.view());
    return g;
  });
}

}  // namespace dure

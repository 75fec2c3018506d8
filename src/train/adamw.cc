#include "train/adamw.h"

#include <cmath>

#include "base/error.h"

namespace dure {

AdamW::AdamW(const Parameters& parameters, const AdamWOptions& options) : options_(options) {
  for (const auto& [name, p, row_order] : parameters) {
    if (!p.requires_grad()) continue;
    require(p.dtype() == DType::F32 && p.contiguous(), "AdamW: parameter '{}' is {}, expected F32", name,
            dure::name(p.dtype()));
    states_.push_back(
        {name, p, Tensor::zeros(p.device(), DType::F32, p.shape()), Tensor::zeros(p.device(), DType::F32, p.shape())});
  }
}

void AdamW::step(double learning_rate) {
  ++steps_;
  const auto steps = static_cast<double>(steps_);
  const auto beta1 = static_cast<float>(options_.beta1), beta2 = static_cast<float>(options_.beta2);
  const auto eps = static_cast<float>(options_.eps);
  const auto keep = static_cast<float>(1 - learning_rate * options_.weight_decay);
  // Both bias corrections, so that the loop below divides once.
  const auto rate = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, steps)));
  const auto correct_v = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, steps)));

  for (const State& state : states_) {
    const Tensor grad = state.parameter.grad();
    if (!grad.defined()) continue;
    const std::span<float> p = state.parameter.data(), m = state.m.data(), v = state.v.data();
    const std::span<const float> g = grad.data();
    constexpr int64_t kGrain = 1 << 14;
    grad.device().threads().parallel_for(grad.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        p[i] = keep * p[i] - rate * m[i] / (std::sqrt(v[i]) * correct_v + eps);
      }
    });
  }
}

NamedTensors AdamW::state() const {
  NamedTensors tensors;
  for (const State& state : states_) {
    tensors.emplace_back(state.name + ".m", state.m);
    tensors.emplace_back(state.name + ".v", state.v);
  }
  return tensors;
}

void AdamW::zero_grad() {
  for (State& state : states_) state.parameter.clear_grad();
}

}  // namespace dure

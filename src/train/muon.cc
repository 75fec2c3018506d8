#include "train/muon.h"

#include <cmath>

#include "backend/backend.h"
#include "base/error.h"

namespace dure {
namespace {

Tensor empty_like(const Tensor& x, int64_t rows, int64_t columns) {
  return Tensor::empty(x.device(), DType::F32, {rows, columns});
}

/// x / |x|, so that no singular value is above 1.
Tensor normalised(const Tensor& x) {
  double squares = 0;
  for (const float v : x.data()) squares += double{v} * v;
  Tensor y = Tensor::like(x);
  x.device().backend().scale(y.view(), x.view(), static_cast<float>(1 / (std::sqrt(squares) + 1e-7)));
  return y;
}

}  // namespace

Tensor orthogonalise(const Tensor& in, int steps) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  Backend& backend = in.device().backend();
  Tensor x = normalised(in);  // [N, K]
  const int64_t N = x.dim(0), K = x.dim(1), n = std::min(N, K);
  Tensor gram = empty_like(x, n, n), square = empty_like(x, n, n), y = Tensor::like(x);
  for (int i = 0; i < steps; ++i) {
    // The smaller of X X^T and X^T X.
    if (N <= K) {
      backend.gemm(gram.view(), x.view(), {x, {}}, Direction::forward);
    } else {
      std::ranges::fill(gram.data(), 0.f);
      backend.gemm_backward_weight(gram.view(), x.view(), x.view());
    }
    backend.gemm(square.view(), gram.view(), {gram, {}}, Direction::forward);
    const std::span<float> g = gram.data(), s = square.data();
    for (size_t j = 0; j < g.size(); ++j) s[j] = b * g[j] + c * s[j];
    for (int64_t j = 0; j < n; ++j) s[static_cast<size_t>(j * n + j)] += a;
    if (N <= K)
      backend.gemm(y.view(), square.view(), {x, {}}, Direction::transpose);  // (a + b A + c A^2) X
    else
      backend.gemm(y.view(), x.view(), {square, {}}, Direction::forward);  // X (a + b A + c A^2)
    std::swap(x, y);
  }
  return x;
}

Muon::Muon(const Parameters& parameters, const MuonOptions& options) : options_(options) {
  for (const auto& [name, p, row_order] : parameters) {
    if (!p.requires_grad()) continue;
    require(p.dtype() == DType::F32 && p.contiguous() && p.shape().rank() == 2,
            "Muon: parameter '{}' is {} {}, expected a matrix of F32", name, dure::name(p.dtype()), p.shape());
    states_.push_back({name, p, Tensor::zeros(p.device(), DType::F32, p.shape())});
  }
}

void Muon::step(double learning_rate) {
  ++steps_;
  const auto momentum = static_cast<float>(options_.momentum);
  const auto keep = static_cast<float>(1 - learning_rate * options_.weight_decay);
  for (const State& state : states_) {
    const Tensor grad = state.parameter.grad();
    if (!grad.defined()) continue;
    const Tensor update = Tensor::like(grad);  // [N, K]
    const std::span<float> m = state.momentum.data(), u = update.data(), p = state.parameter.data();
    const std::span<const float> g = grad.data();
    for (size_t i = 0; i < m.size(); ++i) {
      m[i] = momentum * m[i] + g[i];
      u[i] = options_.nesterov ? g[i] + momentum * m[i] : m[i];
    }
    const Tensor direction = orthogonalise(update, options_.newton_schulz_steps);
    const double longer = static_cast<double>(std::max(grad.dim(0), grad.dim(1)));
    const auto rate = static_cast<float>(learning_rate * options_.update_rms * std::sqrt(longer));
    const std::span<const float> o = direction.data();
    for (size_t i = 0; i < p.size(); ++i) p[i] = keep * p[i] - rate * o[i];
  }
}

NamedTensors Muon::state() const {
  NamedTensors tensors;
  for (const State& state : states_) tensors.emplace_back(state.name + ".momentum", state.momentum);
  return tensors;
}

}  // namespace dure

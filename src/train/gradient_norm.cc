#include "train/gradient_norm.h"

#include <cmath>
#include <numeric>

#include "backend/backend.h"

namespace dure {

double gradient_norm(const Parameters& parameters) {
  constexpr int64_t kPiece = 1 << 14;
  double sum = 0;
  for (const Parameter& p : parameters) {
    const Tensor grad = p.tensor.grad();
    if (!grad.defined()) continue;
    const std::span<const float> g = grad.data();
    std::vector<double> parts((g.size() + kPiece - 1) / kPiece);
    grad.device().threads().parallel_for(grad.numel(), kPiece, [&](int64_t begin, int64_t end) {
      double squares = 0;
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) squares += double{g[i]} * g[i];
      parts[static_cast<size_t>(begin / kPiece)] = squares;
    });
    sum = std::accumulate(parts.begin(), parts.end(), sum);
  }
  return std::sqrt(sum);
}

void scale_gradients(const Parameters& parameters, double factor) {
  for (const Parameter& p : parameters) {
    const Tensor grad = p.tensor.grad();
    if (grad.defined()) grad.device().backend().scale(grad.view(), grad.view(), static_cast<float>(factor));
  }
}

}  // namespace dure

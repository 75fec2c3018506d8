#include "backend/lora.h"

namespace dure {
namespace {

/// Rows that last as long as the sum they are part of.
struct Rows {
  Rows(int64_t rows, int64_t columns)
      : memory(static_cast<size_t>(rows * columns)), view(memory.data(), DType::F32, {rows, columns}, {columns, 1}) {}
  std::vector<float> memory;
  View view;
};

}  // namespace

void add_loras(Backend& backend, View y, ConstView x, std::span<const Lora> loras) {
  for (const Lora& lora : loras) {
    if (!lora.active()) continue;
    const Rows low(x.rows(), lora.a.out_features()), part(x.rows(), y.columns());  // [T, r] [T, N]
    backend.gemm(low.view, x, lora.a, Direction::forward);
    backend.scale(low.view, low.view, lora.scale);
    backend.gemm(part.view, low.view, lora.b, Direction::forward);
    backend.accumulate(y, part.view);
  }
}

// With u = scale * (x A^T): dB = dy^T u; du = scale * (dy B); dA = du^T x; dx = du A.
void add_loras_backward(Backend& backend, View dx, std::span<const Backend::LoraGradient> gradients, ConstView dy,
                        ConstView x, std::span<const Lora> loras) {
  for (size_t i = 0; i < loras.size(); ++i) {
    const Lora& lora = loras[i];
    const Rows low(x.rows(), lora.a.out_features()), part(x.rows(), x.columns());  // [T, r] [T, K]
    const Backend::LoraGradient wanted = gradients.empty() ? Backend::LoraGradient{} : gradients[i];
    if (!wanted.b.empty()) {
      backend.gemm(low.view, x, lora.a, Direction::forward);
      backend.scale(low.view, low.view, lora.scale);
      backend.gemm_backward_weight(wanted.b, dy, low.view);
    }
    backend.gemm(low.view, dy, lora.b, Direction::transpose);
    backend.scale(low.view, low.view, lora.scale);
    if (!wanted.a.empty()) backend.gemm_backward_weight(wanted.a, low.view, x);
    backend.gemm(part.view, low.view, lora.a, Direction::transpose);
    backend.accumulate(dx, part.view);
  }
}

}  // namespace dure

#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_backend.h"

namespace dure {

void CpuBackend::cross_entropy(View losses, ConstView logits, ConstView labels) {
  const int64_t V = logits.columns();
  for_each_row(logits.rows(), V, [&](int64_t t) {
    const int label = labels.row<int>(0)[t];
    if (label < 0) {
      losses.row(0)[t] = 0;
      return;
    }
    const Scratch::Buffer p = scratch_.take(V);
    kernels_.scale(p.data(), logits.row(t), 1, V);
    float max;
    const float sum = kernels_.softmax(p.data(), 1, V, &max);
    losses.row(0)[t] = max - logits.row(t)[label] + std::log(sum);
  });
}

void CpuBackend::cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) {
  const int64_t V = logits.columns();
  for_each_row(logits.rows(), V, [&](int64_t t) {
    const int label = labels.row<int>(0)[t];
    float *d = dlogits.row(t), max;
    if (label < 0) {
      std::fill_n(d, V, 0.f);
      return;
    }
    kernels_.scale(d, logits.row(t), 1, V);
    const float sum = kernels_.softmax(d, 1, V, &max), factor = dlosses.row(0)[t];
    kernels_.scale(d, d, factor / sum, V);
    d[label] -= factor;
  });
}

void CpuBackend::rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight, float eps) {
  constexpr int64_t kRows = 128;  // whose parts of dweight are summed before they join the others
  const int64_t T = x.rows(), D = x.columns(), pieces = (T + kRows - 1) / kRows;
  const Scratch::Buffer parts = scratch_.take(pieces * D);  // [pieces, D]
  std::fill_n(parts.data(), pieces * D, 0.f);
  threads_->parallel_for(T, kRows, [&](int64_t begin, int64_t end) {
    float* part = parts.data() + begin / kRows * D;
    for (int64_t t = begin; t < end; ++t)
      kernels_.rms_norm_backward(dx.row(t), part, dy.row(t), x.row(t), weight.row(0), eps, D);
  });
  std::fill_n(dweight.row(0), D, 0.f);
  for (int64_t i = 0; i < pieces; ++i) kernels_.add(dweight.row(0), dweight.row(0), parts.data() + i * D, D);
}

}  // namespace dure

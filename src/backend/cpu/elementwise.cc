#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_backend.h"

namespace dure {

void CpuBackend::copy(View y, ConstView x) {
  const int64_t n = y.columns();
  for_each_row(y.rows(), n,
               [&](int64_t r) { std::memcpy(y.row(r), x.row(r), static_cast<size_t>(n) * sizeof(float)); });
}

void CpuBackend::accumulate(View y, ConstView x) {
  for_each_row(y.rows(), y.columns(), [&](int64_t r) { kernels_.add(y.row(r), y.row(r), x.row(r), y.columns()); });
}

void CpuBackend::add(View y, ConstView a, ConstView b) {
  const bool one_row = b.shape.rank() == 1;
  for_each_row(y.rows(), y.columns(),
               [&](int64_t r) { kernels_.add(y.row(r), a.row(r), b.row(one_row ? 0 : r), y.columns()); });
}

void CpuBackend::scale(View y, ConstView x, float factor) {
  for_each_row(y.rows(), y.columns(), [&](int64_t r) { kernels_.scale(y.row(r), x.row(r), factor, y.columns()); });
}

void CpuBackend::swiglu(View y, ConstView gate, ConstView up, float limit) {
  for_each_row(y.rows(), y.columns(),
               [&](int64_t r) { kernels_.swiglu(y.row(r), gate.row(r), up.row(r), limit, y.columns()); });
}

void CpuBackend::swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) {
  if (limit < kNoLimit) return ReferenceBackend::swiglu_backward(dgate, dup, dy, gate, up, limit);
  for_each_row(dy.rows(), dy.columns(), [&](int64_t r) {
    kernels_.swiglu_backward(dgate.row(r), dup.row(r), dy.row(r), gate.row(r), up.row(r), dy.columns());
  });
}

void CpuBackend::hyper_collapse(View y, ConstView x, ConstView pre) {
  const int64_t n = pre.columns(), D = y.columns();
  for_each_row(y.rows(), n * D, [&](int64_t t) {
    kernels_.scale(y.row(t), x.row(t * n), pre.row(t)[0], D);
    for (int64_t h = 1; h < n; ++h) kernels_.blend(y.row(t), 1, x.row(t * n + h), pre.row(t)[h], D);
  });
}

void CpuBackend::hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) {
  const int64_t n = post.columns(), D = y.columns();
  for_each_row(block.rows(), n * n * D, [&](int64_t t) {
    for (int64_t k = 0; k < n; ++k) {
      float* out = y.row(t * n + k);
      kernels_.scale(out, block.row(t), post.row(t)[k], D);
      for (int64_t j = 0; j < n; ++j) kernels_.blend(out, 1, x.row(t * n + j), comb.row(t * n + j)[k], D);
    }
  });
}

void CpuBackend::softmax_pool(View y, ConstView lines, std::span<const int> starts) {
  for_each_row(y.rows(), lines.columns() * 8, [&](int64_t n) {
    View one = y;
    one.data = y.row(n);
    one.shape[0] = 1;
    ReferenceBackend::softmax_pool(one, lines, starts.subspan(static_cast<size_t>(n), 2));
  });
}

void CpuBackend::rms_norm(View y, ConstView x, ConstView weight, float eps) {
  for_each_row(y.rows(), y.columns(),
               [&](int64_t r) { kernels_.rms_norm(y.row(r), x.row(r), weight.row(0), eps, y.columns()); });
}

void CpuBackend::rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
                      RopeStyle style, float sign) {
  const int64_t T = x.dim(0), H = x.dim(1), R = x.columns();
  const bool pairs = style == RopeStyle::interleaved;
  threads_->parallel_for(T, heuristics::row_grain(H * R), [&](int64_t begin, int64_t end) {
    std::vector<float> cos(static_cast<size_t>(R)), sin(static_cast<size_t>(R));  // of one position, for all its heads
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t i = 0; i < R / 2; ++i) {
        const float angle = static_cast<float>(positions[t]) * frequencies.row(0)[i];
        const float c = std::cos(angle) * magnitude, s = std::sin(angle) * magnitude * sign;
        if (pairs) {
          cos[2 * i] = cos[2 * i + 1] = c;
          sin[2 * i] = -s;
          sin[2 * i + 1] = s;
        } else {
          cos[i] = c;
          sin[i] = s;
        }
      }
      const auto rotate = pairs ? kernels_.rotate_pairs : kernels_.rotate_halves;
      for (int64_t h = 0; h < H; ++h) rotate(y.row(t * H + h), x.row(t * H + h), cos.data(), sin.data(), R);
    }
  });
}

}  // namespace dure

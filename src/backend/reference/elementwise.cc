#include <algorithm>
#include <cmath>

#include "backend/reference/reference.h"

namespace dure {
namespace {

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/// f(y's row, i) for every element.
template <class F>
void for_each(View y, F f) {
  for (int64_t r = 0; r < y.rows(); ++r) {
    float* row = y.row(r);
    for (int64_t i = 0; i < y.columns(); ++i) f(row[i], r, i);
  }
}

}  // namespace

void ReferenceBackend::copy(View y, ConstView x) {
  for_each(y, [&](float& out, int64_t r, int64_t i) { out = x.row(r)[i]; });
}

void ReferenceBackend::accumulate(View y, ConstView x) {
  for_each(y, [&](float& out, int64_t r, int64_t i) { out += x.row(r)[i]; });
}

void ReferenceBackend::add(View y, ConstView a, ConstView b) {
  const bool one_row = b.shape.rank() == 1;
  for_each(y, [&](float& out, int64_t r, int64_t i) { out = a.row(r)[i] + b.row(one_row ? 0 : r)[i]; });
}

void ReferenceBackend::sum_rows(View y, ConstView x) {
  for (int64_t i = 0; i < x.columns(); ++i) {
    double sum = 0;
    for (int64_t r = 0; r < x.rows(); ++r) sum += x.row(r)[i];
    y.row(0)[i] += static_cast<float>(sum);
  }
}

void ReferenceBackend::scale(View y, ConstView x, float factor) {
  for_each(y, [&](float& out, int64_t r, int64_t i) { out = x.row(r)[i] * factor; });
}

void ReferenceBackend::swiglu(View y, ConstView gate, ConstView up, float limit) {
  for_each(y, [&](float& out, int64_t r, int64_t i) {
    const float g = std::min(gate.row(r)[i], limit);
    out = g * sigmoid(g) * std::clamp(up.row(r)[i], -limit, limit);
  });
}

void ReferenceBackend::swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) {
  for_each(dgate, [&](float& out, int64_t r, int64_t i) {
    const float g = std::min(gate.row(r)[i], limit), s = sigmoid(g), d = dy.row(r)[i];
    const float u = std::clamp(up.row(r)[i], -limit, limit);
    const bool inside = std::abs(up.row(r)[i]) <= limit;
    out = gate.row(r)[i] > limit ? 0 : d * u * s * (1 + g * (1 - s));  // silu'(g) = s (1 + g (1 - s))
    dup.row(r)[i] = inside ? d * g * s : 0;
  });
}

void ReferenceBackend::rms_norm(View y, ConstView x, ConstView weight, float eps) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float* in = x.row(r);
    double sum = 0;
    for (int64_t i = 0; i < x.columns(); ++i) sum += double(in[i]) * in[i];
    const float factor = 1 / std::sqrt(static_cast<float>(sum / x.columns()) + eps);
    for (int64_t i = 0; i < x.columns(); ++i) y.row(r)[i] = in[i] * factor * weight.row(0)[i];
  }
}

void ReferenceBackend::rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight,
                                         float eps) {
  const int64_t D = x.columns();
  const float* w = weight.row(0);
  std::vector<double> dw(static_cast<size_t>(D));
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float *in = x.row(r), *d = dy.row(r);
    double squares = 0, projection = 0;  // sum x^2, sum dy w x
    for (int64_t i = 0; i < D; ++i) {
      squares += double(in[i]) * in[i];
      projection += double(d[i]) * w[i] * in[i];
    }
    const double factor = 1 / std::sqrt(squares / D + eps);
    for (int64_t i = 0; i < D; ++i) {
      // y = x f w with f = (mean x^2 + eps)^-1/2, so df/dx_i = -f^3 x_i / D
      dx.row(r)[i] = static_cast<float>(factor * (double(d[i]) * w[i] - factor * factor * projection / D * in[i]));
      dw[i] += double(d[i]) * in[i] * factor;
    }
  }
  for (int64_t i = 0; i < D; ++i) dweight.row(0)[i] = static_cast<float>(dw[i]);
}

void ReferenceBackend::layer_norm(View y, ConstView x, ConstView weight, ConstView bias, float eps) {
  const int64_t D = x.columns();
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float* in = x.row(r);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < D; ++i) sum += in[i];
    const double mean = sum / D;
    for (int64_t i = 0; i < D; ++i) squares += (in[i] - mean) * (in[i] - mean);
    const double factor = 1 / std::sqrt(squares / D + eps);
    for (int64_t i = 0; i < D; ++i)
      y.row(r)[i] = static_cast<float>((in[i] - mean) * factor * weight.row(0)[i] + bias.row(0)[i]);
  }
}

void ReferenceBackend::rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
                            RopeStyle style, float sign) {
  const int64_t H = x.dim(1), half = x.columns() / 2;
  const int64_t step = style == RopeStyle::half ? 1 : 2, mate = style == RopeStyle::half ? half : 1;
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float* in = x.row(r);
    float* out = y.row(r);
    for (int64_t i = 0; i < half; ++i) {
      // The angle is a float32 product in the reference implementations; at long context that rounding is visible.
      const float angle = static_cast<float>(positions[r / H]) * frequencies.row(0)[i];
      const float cos = std::cos(angle) * magnitude, sin = std::sin(angle) * magnitude * sign;
      const float a = in[i * step], b = in[i * step + mate];
      out[i * step] = a * cos - b * sin;
      out[i * step + mate] = b * cos + a * sin;
    }
  }
}

}  // namespace dure

#include <algorithm>
#include <cmath>

#include "backend/reference/reference.h"
#include "base/error.h"

namespace dure {
namespace {

constexpr int64_t kScaleBlock = 128;  // FP8 weights have one factor for each 128x128 block

void round_to_bf16(float* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) values[i] = bf16_to_float(float_to_bf16(values[i]));
}

/// The weight's row and the activations as the compute mode sees them.
std::vector<float> operand_row(const Weight& w, int64_t n, Compute compute) {
  std::vector<float> row(static_cast<size_t>(w.in_features()));
  weight_row(w, n, row.data());
  if (compute == Compute::bf16) round_to_bf16(row.data(), w.in_features());
  return row;
}

/// Each group of 32 to multiples of its largest value over 127.
void round_to_int8(float* values, int64_t n) {
  for (int64_t g = 0; g < n; g += 32) {
    float largest = 0;
    for (int64_t i = g; i < g + 32; ++i) largest = std::max(largest, std::fabs(values[i]));
    const float inverse = largest > 0 ? 127 / largest : 0, factor = largest / 127;
    for (int64_t i = g; i < g + 32; ++i) values[i] = std::nearbyint(values[i] * inverse) * factor;
  }
}

std::vector<float> operand_rows(ConstView x, const Weight& w, Direction direction, Compute compute) {
  const int64_t k = x.columns();
  std::vector<float> rows(static_cast<size_t>(x.rows() * k));
  for (int64_t t = 0; t < x.rows(); ++t) std::copy_n(x.row(t), k, rows.data() + t * k);
  const bool fast = compute == Compute::int8 && direction == Direction::forward;
  const Rounding rounding = fast ? fast_rounding(w.data.dtype()) : Rounding::none;
  if (compute == Compute::bf16 || rounding == Rounding::bf16) round_to_bf16(rows.data(), x.rows() * k);
  if (rounding == Rounding::int8) round_to_int8(rows.data(), x.rows() * k);
  return rows;
}

double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double(a[i]) * b[i];
  return sum;
}

/// The head's part of a [T, H, n] view: [T, n].
template <class V>
V head_of(const V& v, int64_t h) {
  auto* data = reinterpret_cast<decltype(v.template row<float>(0))>(v.data) + h * v.strides[1];
  return V(data, v.dtype, {v.dim(0), v.dim(2)}, {v.strides[0], v.strides[2]});
}

/// y = x W[begin, begin + count)^T, or x W[...] with Direction::transpose.
void gemm_rows(View y, ConstView x, const Weight& w, int64_t begin, int64_t count, Direction direction,
               Compute compute) {
  const std::vector<float> xs = operand_rows(x, w, direction, compute);
  const int64_t T = x.rows(), K = w.in_features(), width = x.columns();
  if (direction == Direction::forward) {
    for (int64_t n = 0; n < count; ++n) {
      const std::vector<float> row = operand_row(w, begin + n, compute);  // [K]
      for (int64_t t = 0; t < T; ++t) y.row(t)[n] = static_cast<float>(dot(xs.data() + t * width, row.data(), K));
    }
    return;
  }
  std::vector<double> sums(static_cast<size_t>(T * K));  // [T, K]
  for (int64_t n = 0; n < count; ++n) {
    const std::vector<float> row = operand_row(w, begin + n, compute);  // [K]
    for (int64_t t = 0; t < T; ++t) {
      double* sum = sums.data() + t * K;
      const float *w_row = row.data(), x_n = xs[t * width + n];
      for (int64_t k = 0; k < K; ++k) sum[k] += double(x_n) * w_row[k];
    }
  }
  for (int64_t t = 0; t < T; ++t)
    for (int64_t k = 0; k < K; ++k) y.row(t)[k] = static_cast<float>(sums[t * K + k]);
}

}  // namespace

Rounding fast_rounding(DType dtype) {
  if (dtype == DType::BF16 || dtype == DType::F8_E4M3) return Rounding::bf16;
  return info(dtype).block > 1 ? Rounding::int8 : Rounding::none;
}

void weight_row(const Weight& w, int64_t n, float* out) {
  const int64_t K = w.in_features();
  const DTypeInfo& type = info(w.data.dtype());
  const ConstView v = w.data.view();
  type.dequantise(static_cast<const std::byte*>(v.data) + v.row_offset(n) / type.block * type.block_bytes, out, K);
  if (!w.scale.defined()) return;
  const float* factors = ConstView(w.scale.view()).row(n / kScaleBlock);
  for (int64_t k = 0; k < K; ++k) out[k] *= factors[k / kScaleBlock];
}

void outer_product(View dw, int64_t begin, ConstView dy, ConstView x) {
  for (int64_t n = 0; n < dy.columns(); ++n)
    for (int64_t k = 0; k < x.columns(); ++k) {
      double sum = 0;
      for (int64_t t = 0; t < x.rows(); ++t) sum += double(dy.row(t)[n]) * x.row(t)[k];
      dw.row(begin + n)[k] += static_cast<float>(sum);
    }
}

Weight ReferenceBackend::prepare(Tensor data, Tensor scale) {
  DURE_ASSERT(data.shape().rank() == 2 && info(data.dtype()).weight);
  return {std::move(data), std::move(scale)};
}

void ReferenceBackend::gemm(View y, ConstView x, const Weight& w, Direction direction) {
  gemm_rows(y, x, w, 0, w.out_features(), direction, compute_);
}

void ReferenceBackend::gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) {
  for (int64_t h = 0; h < x.dim(1); ++h)
    gemm_rows(head_of(y, h), head_of(x, h), w, h * rows.stride + rows.begin, rows.count, direction, compute_);
}

void ReferenceBackend::gemm_backward_weight(View dw, ConstView dy, ConstView x) { outer_product(dw, 0, dy, x); }

void ReferenceBackend::gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows,
                                                  Direction direction) {
  for (int64_t h = 0; h < x.dim(1); ++h) {
    const ConstView narrow = head_of(direction == Direction::forward ? dy : x, h);  // [T, count]
    const ConstView wide = head_of(direction == Direction::forward ? x : dy, h);    // [T, K]
    outer_product(dw, h * rows.stride + rows.begin, narrow, wide);
  }
}

void ReferenceBackend::embedding(View y, ConstView ids, const Weight& table) {
  for (int64_t t = 0; t < y.rows(); ++t) weight_row(table, ids.row<int>(0)[t], y.row(t));
}

void ReferenceBackend::embedding_backward(View dtable, ConstView dy, ConstView ids) {
  for (int64_t t = 0; t < dy.rows(); ++t)
    for (int64_t d = 0; d < dy.columns(); ++d) dtable.row(ids.row<int>(0)[t])[d] += dy.row(t)[d];
}

}  // namespace dure

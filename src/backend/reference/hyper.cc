#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/reference/reference.h"

namespace dure {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// comb [n, n], rows j, columns k: a softmax, then rows and columns brought to a sum of one in turn (Sinkhorn, Knopp).
void sinkhorn(double* comb, int64_t n, int iterations, double eps) {
  const auto rows = [&] {
    for (int64_t j = 0; j < n; ++j) {
      double sum = eps;
      for (int64_t k = 0; k < n; ++k) sum += comb[j * n + k];
      for (int64_t k = 0; k < n; ++k) comb[j * n + k] /= sum;
    }
  };
  const auto columns = [&] {
    for (int64_t k = 0; k < n; ++k) {
      double sum = eps;
      for (int64_t j = 0; j < n; ++j) sum += comb[j * n + k];
      for (int64_t j = 0; j < n; ++j) comb[j * n + k] /= sum;
    }
  };
  for (int64_t j = 0; j < n; ++j) {
    double* row = comb + j * n;
    const double max = *std::max_element(row, row + n);
    double sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += row[k] = std::exp(row[k] - max);
    for (int64_t k = 0; k < n; ++k) row[k] = row[k] / sum + eps;
  }
  columns();
  for (int i = 1; i < iterations; ++i) rows(), columns();
}

}  // namespace

void ReferenceBackend::hyper_mix(View pre, View post, View comb, ConstView m, ConstView base, ConstView factor,
                                 int iterations, float eps) {
  const int64_t n = pre.columns();
  const float *b = base.row(0), *f = factor.row(0);
  for (int64_t t = 0; t < m.rows(); ++t) {
    const float* in = m.row(t);
    for (int64_t h = 0; h < n; ++h) pre.row(t)[h] = static_cast<float>(sigmoid(double(in[h]) * f[0] + b[h]) + eps);
    if (post.empty()) continue;
    for (int64_t h = 0; h < n; ++h)
      post.row(t)[h] = static_cast<float>(2 * sigmoid(double(in[n + h]) * f[1] + b[n + h]));
    std::vector<double> c(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < n * n; ++i) c[static_cast<size_t>(i)] = double(in[2 * n + i]) * f[2] + b[2 * n + i];
    sinkhorn(c.data(), n, iterations, eps);
    std::copy(c.begin(), c.end(), comb.row(t * n));
  }
}

void ReferenceBackend::hyper_collapse(View y, ConstView x, ConstView pre) {
  const int64_t n = pre.columns();
  for (int64_t t = 0; t < y.rows(); ++t)
    for (int64_t i = 0; i < y.columns(); ++i) {
      double sum = 0;
      for (int64_t h = 0; h < n; ++h) sum += double(pre.row(t)[h]) * x.row(t * n + h)[i];
      y.row(t)[i] = static_cast<float>(sum);
    }
}

void ReferenceBackend::hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) {
  const int64_t n = post.columns();
  for (int64_t t = 0; t < block.rows(); ++t)
    for (int64_t k = 0; k < n; ++k)
      for (int64_t i = 0; i < y.columns(); ++i) {
        double sum = double(post.row(t)[k]) * block.row(t)[i];
        for (int64_t j = 0; j < n; ++j) sum += double(comb.row(t * n + j)[k]) * x.row(t * n + j)[i];
        y.row(t * n + k)[i] = static_cast<float>(sum);
      }
}

void ReferenceBackend::softmax_pool(View y, ConstView lines, std::span<const int> starts) {
  const int64_t W = y.columns();
  for (int64_t n = 0; n < y.rows(); ++n)
    for (int64_t c = 0; c < W; ++c) {
      const int begin = starts[static_cast<size_t>(n)], end = starts[static_cast<size_t>(n) + 1];
      double max = -INFINITY, sum = 0, weighed = 0;
      for (int l = begin; l < end; ++l) max = std::max(max, double(lines.row(l)[W + c]));
      for (int l = begin; l < end; ++l) {
        const double p = std::exp(lines.row(l)[W + c] - max);
        sum += p;
        weighed += p * lines.row(l)[c];
      }
      y.row(n)[c] = static_cast<float>(weighed / sum);
    }
}

}  // namespace dure

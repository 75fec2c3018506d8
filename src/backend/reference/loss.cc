#include <algorithm>
#include <cmath>

#include "backend/reference/reference.h"

namespace dure {
namespace {

double log_sum_exp(const float* logits, int64_t n) {
  const double max = *std::max_element(logits, logits + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(logits[i] - max);
  return max + std::log(sum);
}

}  // namespace

void ReferenceBackend::cross_entropy(View losses, ConstView logits, ConstView labels) {
  for (int64_t t = 0; t < logits.rows(); ++t) {
    const int label = labels.row<int>(0)[t];
    const float* row = logits.row(t);
    losses.row(0)[t] = label < 0 ? 0 : static_cast<float>(log_sum_exp(row, logits.columns()) - row[label]);
  }
}

void ReferenceBackend::cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) {
  for (int64_t t = 0; t < logits.rows(); ++t) {
    const int label = labels.row<int>(0)[t];
    const float* row = logits.row(t);
    const double lse = log_sum_exp(row, logits.columns()), d = dlosses.row(0)[t];
    for (int64_t i = 0; i < logits.columns(); ++i)
      dlogits.row(t)[i] = label < 0 ? 0 : static_cast<float>(d * (std::exp(row[i] - lse) - (i == label ? 1 : 0)));
  }
}

}  // namespace dure

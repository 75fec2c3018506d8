#include "ops/balance_loss.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

/// Scores of a row's logits, up to a factor that all have; d[i] = d score_i / d logit_i over score_i.
void scores_of(std::span<const float> logits, Routing::Score score, std::span<double> scores, std::span<double> d) {
  const double max = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double x = logits[i], sigmoid = 1 / (1 + std::exp(-x));
    if (score == Routing::Score::sigmoid) {
      scores[i] = sigmoid;
      d[i] = 1 - sigmoid;
    } else if (score == Routing::Score::sqrt_softplus) {
      const double softplus = std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
      scores[i] = std::sqrt(softplus);
      d[i] = sigmoid / (2 * softplus);
    } else {
      scores[i] = std::exp(x - max);
      d[i] = 1;
    }
  }
}

}  // namespace

Tensor balance_loss(const Tensor& logits, const Tensor& ids, std::span<const int> starts, Routing::Score score) {
  const int64_t T = logits.dim(0), E = logits.dim(1), k = ids.dim(1);
  require(ids.dim(0) == T && !starts.empty() && starts.back() == T, "balance_loss: logits {}, ids {}, {} rows",
          logits.shape(), ids.shape(), starts.empty() ? 0 : starts.back());

  // With p = score / sum of scores, one row has loss sum_i f_i p_i and dlogit_i = p_i d_i (f_i - sum_j f_j p_j).
  const Tensor slope = Tensor::empty(logits.device(), DType::F32, {T, E});
  std::vector<double> f(static_cast<size_t>(E)), scores(f.size()), d(f.size());
  double loss = 0;
  for (size_t s = 0; s + 1 < starts.size(); ++s) {
    std::ranges::fill(f, 0);
    const double rows = starts[s + 1] - starts[s];
    for (int64_t i = starts[s] * k; i < starts[s + 1] * k; ++i)
      f[static_cast<size_t>(ids.data<int>()[static_cast<size_t>(i)])] += static_cast<double>(E) / (k * rows);
    for (int64_t t = starts[s]; t < starts[s + 1]; ++t) {
      scores_of({logits.view().row(t), f.size()}, score, scores, d);
      double sum = 0, weighted = 0;
      for (size_t i = 0; i < f.size(); ++i) sum += scores[i], weighted += f[i] * scores[i];
      loss += weighted / sum;
      for (size_t i = 0; i < f.size(); ++i)
        slope.view().row(t)[i] = static_cast<float>(scores[i] / sum * d[i] * (f[i] - weighted / sum));
    }
  }
  const auto value = static_cast<float>(loss);
  return record(Tensor::from(logits.device(), {&value, 1}, {1}), {logits}, [slope](const Tensor& dy) {
    Tensor dlogits = Tensor::like(slope);  // [T, E]
    slope.device().backend().scale(dlogits.view(), slope.view(), dy.data()[0]);
    return Gradients{dlogits};
  });
}

Tensor with_loss(const Tensor& y, const Tensor& loss, float factor) {
  require(loss.numel() == 1, "with_loss: expected a loss of one element, found {}", loss.shape());
  return record(y.alias(y.shape(), y.view().strides, 0), {y, loss}, [factor](const Tensor& dy) {
    return Gradients{dy, Tensor::from(dy.device(), {&factor, 1}, {1})};
  });
}

}  // namespace dure

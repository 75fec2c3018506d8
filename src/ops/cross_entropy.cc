#include "ops/cross_entropy.h"

#include <algorithm>

#include "backend/backend.h"
#include "base/error.h"
#include "ops/chunked_loss.h"
#include "ops/tape.h"

namespace dure {

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  require(labels.shape() == Shape{logits.dim(0)}, "cross_entropy: logits {}, labels {}", logits.shape(),
          labels.shape());
  int64_t counted = 0;
  for (const int label : labels.data<int>()) {
    require(label < logits.dim(1), "cross_entropy: label {} of {} classes", label, logits.dim(1));
    counted += label >= 0;
  }
  require(counted > 0, "cross_entropy: every label is ignored");
  Backend& backend = logits.device().backend();

  Tensor losses = Tensor::empty(logits.device(), DType::F32, labels.shape());  // [T]
  backend.cross_entropy(losses.view(), logits.view(), labels.view());
  double sum = 0;
  for (const float loss : losses.data()) sum += loss;
  const float mean = static_cast<float>(sum / static_cast<double>(counted));

  return record(Tensor::from(logits.device(), {&mean, 1}, {1}), {logits}, [=, &backend](const Tensor& dy) {
    Tensor each = Tensor::like(losses);  // [T]
    std::ranges::fill(each.data(), dy.data()[0] / static_cast<float>(counted));
    Tensor dlogits = Tensor::like(logits);  // [T, V]
    backend.cross_entropy_backward(dlogits.view(), each.view(), logits.view(), labels.view());
    return Gradients{dlogits};
  });
}

Tensor chunked_cross_entropy(const Block& head, const Tensor& hidden, const Tensor& labels, const Tensor& weights,
                             int64_t chunk) {
  if (weights.defined()) {
    require(weights.shape() == labels.shape(), "cross_entropy: labels {}, weights {}", labels.shape(), weights.shape());
  }
  const auto losses_of = [&](const Tensor& logits, int64_t begin, Tensor& dlogits) {
    Backend& backend = logits.device().backend();
    const int64_t count = logits.dim(0);
    const Tensor own = labels.rows(begin, count);                                                      // [count]
    Tensor losses = Tensor::empty(logits.device(), DType::F32, {count}), each = Tensor::like(losses);  // dL/dlosses
    backend.cross_entropy(losses.view(), logits.view(), own.view());
    std::ranges::fill(each.data(), 1.f);
    if (weights.defined()) std::ranges::copy(weights.rows(begin, count).data(), each.data().begin());
    if (dlogits.defined()) backend.cross_entropy_backward(dlogits.view(), each.view(), logits.view(), own.view());
    double sum = 0;
    for (size_t i = 0; i < losses.data().size(); ++i) sum += double{each.data()[i]} * losses.data()[i];
    return sum;
  };
  return chunked_loss(head, hidden, labels, losses_of, chunk);
}

}  // namespace dure

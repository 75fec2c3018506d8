#include "ops/cross_entropy.h"

#include <algorithm>

#include "backend/backend.h"
#include "base/error.h"
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

namespace {

/// Losses of some rows, and what the sum of these is worth to the hidden states and to the leaves of the head.
class ChunkedLoss {
 public:
  ChunkedLoss(const Block& head, const Tensor& hidden, const Tensor& labels, const Tensor& weights)
      : head_(head), hidden_(hidden), labels_(labels), weights_(weights) {}

  void add(int64_t begin, int64_t count) {
    const Tensor labels = labels_.rows(begin, count);  // [count]
    if (std::ranges::all_of(labels.data<int>(), [](int label) { return label < 0; })) return;
    Backend& backend = hidden_.device().backend();
    Tensor x = hidden_.rows(begin, count);  // [count, D]
    x.set_requires_grad(hidden_.requires_grad());
    const Tensor logits = head_(x);  // [count, V]
    for (const int label : labels.data<int>())
      require(label < logits.dim(1), "cross_entropy: label {} of {} classes", label, logits.dim(1));
    Tensor losses = Tensor::empty(x.device(), DType::F32, {count});
    backend.cross_entropy(losses.view(), logits.view(), labels.view());
    Tensor each = Tensor::like(losses);  // dL/dlosses
    std::ranges::fill(each.data(), 1.f);
    if (weights_.defined()) std::ranges::copy(weights_.rows(begin, count).data(), each.data().begin());
    for (int64_t i = 0; i < count; ++i)
      sum += double{each.data()[static_cast<size_t>(i)]} * losses.data()[static_cast<size_t>(i)];
    if (!logits.requires_grad()) return;

    if (inputs.empty()) find_inputs(logits, x);
    Tensor dlogits = Tensor::like(logits);  // [count, V]
    backend.cross_entropy_backward(dlogits.view(), each.view(), logits.view(), labels.view());
    std::vector<Tensor> from = inputs;
    from[0] = x;
    const Gradients parts = gradients(logits, dlogits, from);
    if (parts[0].defined()) backend.copy(sums[0].rows(begin, count).view(), parts[0].view());
    for (size_t i = 1; i < parts.size(); ++i)
      if (parts[i].defined()) backend.accumulate(sums[i].view(), parts[i].view());
  }

  double sum = 0;
  std::vector<Tensor> inputs;  // hidden, then the leaves of the head
  Gradients sums;              // one for each

 private:
  void find_inputs(const Tensor& logits, const Tensor& x) {
    inputs.push_back(hidden_);
    for (const Tensor& leaf : leaves(logits))
      if (!leaf.same(x)) inputs.push_back(leaf);
    for (const Tensor& t : inputs) sums.push_back(Tensor::zeros(t.device(), DType::F32, t.shape()));
  }

  const Block& head_;
  const Tensor &hidden_, &labels_, &weights_;
};

}  // namespace

Tensor chunked_cross_entropy(const Block& head, const Tensor& hidden, const Tensor& labels, const Tensor& weights,
                             int64_t chunk) {
  if (weights.defined()) {
    require(weights.shape() == labels.shape(), "cross_entropy: labels {}, weights {}", labels.shape(), weights.shape());
  }
  require(labels.shape() == Shape{hidden.dim(0)} && chunk > 0, "cross_entropy: hidden {}, labels {}, chunks of {}",
          hidden.shape(), labels.shape(), chunk);
  ChunkedLoss loss(head, hidden, labels, weights);
  for (int64_t begin = 0; begin < hidden.dim(0); begin += chunk)
    loss.add(begin, std::min(chunk, hidden.dim(0) - begin));

  const auto sum = static_cast<float>(loss.sum);
  return record(Tensor::from(hidden.device(), {&sum, 1}, {1}), loss.inputs, [sums = loss.sums](const Tensor& dy) {
    Gradients g;
    for (const Tensor& of_sum : sums) {
      g.push_back(Tensor::like(of_sum));
      of_sum.device().backend().scale(g.back().view(), of_sum.view(), dy.data()[0]);
    }
    return g;
  });
}

}  // namespace dure

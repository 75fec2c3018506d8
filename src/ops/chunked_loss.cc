#include "ops/chunked_loss.h"

#include <algorithm>

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

/// Losses of some rows, and what the sum of these is worth to the hidden states and to the leaves of the head.
class ChunkedLoss {
 public:
  ChunkedLoss(const Block& head, const Tensor& hidden, const Tensor& labels, const RowLosses& losses)
      : head_(head), hidden_(hidden), labels_(labels), losses_(losses) {}

  void add(int64_t begin, int64_t count) {
    const Tensor labels = labels_.rows(begin, count);  // [count]
    if (std::ranges::all_of(labels.data<int>(), [](int label) { return label < 0; })) return;
    Tensor x = hidden_.rows(begin, count);  // [count, D]
    x.set_requires_grad(hidden_.requires_grad());
    const Tensor logits = head_(x);  // [count, V]
    for (const int label : labels.data<int>())
      require(label < logits.dim(1), "cross_entropy: label {} of {} classes", label, logits.dim(1));
    Tensor dlogits = logits.requires_grad() ? Tensor::like(logits) : Tensor();
    sum += losses_(logits, begin, dlogits);
    if (!dlogits.defined()) return;

    if (inputs.empty()) find_inputs(logits, x);
    std::vector<Tensor> from = inputs;
    from[0] = x;
    Backend& backend = hidden_.device().backend();
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
  const Tensor &hidden_, &labels_;
  const RowLosses& losses_;
};

}  // namespace

Tensor chunked_loss(const Block& head, const Tensor& hidden, const Tensor& labels, const RowLosses& losses,
                    int64_t chunk) {
  require(labels.shape() == Shape{hidden.dim(0)} && chunk > 0, "cross_entropy: hidden {}, labels {}, chunks of {}",
          hidden.shape(), labels.shape(), chunk);
  ChunkedLoss loss(head, hidden, labels, losses);
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

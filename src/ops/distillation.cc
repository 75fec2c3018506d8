#include "ops/distillation.h"

#include <algorithm>

#include "backend/backend.h"
#include "base/error.h"
#include "ops/chunked_loss.h"

namespace dure {
namespace {

/// -log p(label) of each row, and its gradient.
struct LabelLosses {
  LabelLosses(const Tensor& logits, const Tensor& labels)
      : losses(Tensor::empty(logits.device(), DType::F32, labels.shape())), gradient(Tensor::like(logits)) {
    Backend& backend = logits.device().backend();
    Tensor ones = Tensor::like(losses);
    std::ranges::fill(ones.data(), 1.f);
    backend.cross_entropy(losses.view(), logits.view(), labels.view());
    backend.cross_entropy_backward(gradient.view(), ones.view(), logits.view(), labels.view());
  }
  Tensor losses;    // [n]
  Tensor gradient;  // [n, V] softmax(logits) - onehot(label)
};

Tensor divided(const Tensor& logits, float by) {
  if (by == 1) return logits;
  Tensor y = Tensor::like(logits);
  logits.device().backend().scale(y.view(), logits.view(), 1 / by);
  return y;
}

double dot_of_difference(std::span<const float> weights, std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t v = 0; v < weights.size(); ++v) sum += double{weights[v]} * (a[v] - b[v]);
  return sum;
}

}  // namespace

DistillationLoss chunked_distillation(const Block& head, const Tensor& hidden, const Tensor& labels,
                                      const Tensor& weights, const Teacher& teacher, int64_t chunk) {
  require(teacher.hidden.dim(0) == hidden.dim(0), "distillation: hidden {}, the teacher's {}", hidden.shape(),
          teacher.hidden.shape());
  if (weights.defined()) {
    require(weights.shape() == labels.shape(), "distillation: labels {}, weights {}", labels.shape(), weights.shape());
  }
  DistillationLoss out;
  const float tau = teacher.temperature, share = teacher.share;
  const auto losses_of = [&](const Tensor& logits, int64_t begin, Tensor& dlogits) {
    const int64_t rows = logits.dim(0);
    const Tensor own = labels.rows(begin, rows), taught = teacher.head(teacher.hidden.rows(begin, rows));
    require(taught.shape() == logits.shape(), "distillation: logits {}, the teacher's {}", logits.shape(),
            taught.shape());
    const Tensor s = divided(logits, tau), t = divided(taught, tau);  // [rows, V]
    const LabelLosses student(s, own), target(t, own);
    const LabelLosses plain = tau == 1 ? student : LabelLosses(logits, own);

    const auto width = static_cast<size_t>(logits.dim(1));
    const Tensor counts = weights.defined() ? weights.rows(begin, rows) : Tensor();
    double sum = 0;
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      const auto row = [&](const Tensor& x) { return x.data().subspan(r * width, width); };
      const float weight = counts.defined() ? counts.data()[r] : 1;
      if (own.data<int>()[r] < 0) {
        if (dlogits.defined()) std::ranges::fill(row(dlogits), 0.f);
        continue;
      }
      // sum p_t (log p_t - log p_s), of which the label's part is taken out, for it is in the losses at hand.
      const double kl = dot_of_difference(row(target.gradient), row(t), row(s)) + double{student.losses.data()[r]} -
                        double{target.losses.data()[r]};
      out.labels += weight * plain.losses.data()[r];
      out.teacher += weight * double{tau} * tau * kl;
      sum += weight * ((1 - share) * plain.losses.data()[r] + share * double{tau} * tau * kl);
      if (!dlogits.defined()) continue;
      const std::span<float> d = row(dlogits);
      const std::span<const float> p = row(plain.gradient), ps = row(student.gradient), pt = row(target.gradient);
      for (size_t v = 0; v < width; ++v) d[v] = weight * ((1 - share) * p[v] + share * tau * (ps[v] - pt[v]));
    }
    return sum;
  };
  out.total = chunked_loss(head, hidden, labels, losses_of, chunk);
  return out;
}

}  // namespace dure

#include "ops/distillation.h"

#include <cmath>

#include "ops/cross_entropy.h"
#include "ops/gradient_check.h"
#include "ops/linear.h"

namespace dure {
namespace {

Tensor identity(const Tensor& x) { return x; }
Tensor labels(const std::vector<int>& values) { return Tensor::from(test_device(), values); }

/// softmax(z / tau) in double.
std::vector<double> softmax(std::span<const float> z, double tau) {
  std::vector<double> p;
  double sum = 0;
  for (const float v : z) sum += p.emplace_back(std::exp(v / tau));
  for (double& v : p) v /= sum;
  return p;
}

TEST(Distillation, IsTheDivergenceFromTheTeacherAndTheLossOfTheLabels) {
  const Tensor student = random({5, 7}), teacher = random({5, 7}), l = labels({3, -1, 0, 6, -100}),
               weights = random({5});
  for (const float tau : {1.f, 2.5f}) {
    double kl = 0, ce = 0;
    for (size_t t = 0; t < 5; ++t) {
      const int label = l.data<int>()[t];
      if (label < 0) continue;
      const auto ps = softmax(student.data().subspan(t * 7, 7), tau),
                 pt = softmax(teacher.data().subspan(t * 7, 7), tau);
      const double w = weights.data()[t];
      for (size_t v = 0; v < 7; ++v) kl += w * tau * tau * pt[v] * std::log(pt[v] / ps[v]);
      ce -= w * std::log(softmax(student.data().subspan(t * 7, 7), 1)[static_cast<size_t>(label)]);
    }
    const DistillationLoss loss =
        chunked_distillation(identity, student, l, weights, {identity, teacher, tau, 0.75f}, 2);
    EXPECT_NEAR(loss.teacher, kl, 1e-5) << tau;
    EXPECT_NEAR(loss.labels, ce, 1e-5) << tau;
    EXPECT_NEAR(loss.total.data()[0], 0.25 * ce + 0.75 * kl, 1e-5) << tau;
  }
}

TEST(Distillation, GradientMatchesFiniteDifferences) {
  const Tensor l = labels({0, -1, 4, 2, 3}), weights = random({5}), taught = random({5, 2}), teacher = random({5, 2});
  for (const float tau : {1.f, 3.f})
    for (const float share : {0.f, 0.6f, 1.f})
      expect_gradient(
          [&](const Inputs& in) {
            const Block head = [&](const Tensor& x) { return linear(x, weight(in[1])); };
            const Block teachers = [&](const Tensor& x) { return linear(x, weight(teacher)); };
            return chunked_distillation(head, in[0], l, weights, {teachers, taught, tau, share}, 2).total;
          },
          {random({5, 3}), random({5, 3})});
}

TEST(Distillation, WithoutAShareItIsTheLossOfTheLabelsToTheBit) {
  const Tensor x = trainable(random({6, 9})), l = labels({1, 2, -1, 8, 0, 3});
  const Tensor y = trainable(Tensor::from(test_device(), x.data(), {6, 9}));
  backward(chunked_cross_entropy(identity, x, l, {}, 4));
  backward(chunked_distillation(identity, y, l, {}, {identity, random({6, 9}), 1, 0}, 4).total);
  EXPECT_EQ(x.grad().to_floats(), y.grad().to_floats());
}

TEST(Distillation, ATeacherLikeTheStudentTeachesNothing) {
  const Tensor x = trainable(random({4, 9}));
  const Tensor same = Tensor::from(test_device(), x.data(), {4, 9});
  const DistillationLoss loss = chunked_distillation(identity, x, labels({1, 2, 3, 8}), {}, {identity, same, 2, 1}, 3);
  EXPECT_NEAR(loss.teacher, 0, 1e-6);
  backward(loss.total);
  for (const float g : x.grad().to_floats()) EXPECT_EQ(g, 0);
}

TEST(Distillation, NamesWhatDoesNotFit) {
  const Tensor x = zeros({2, 5}), l = labels({1, 0});
  EXPECT_ERROR(chunked_distillation(identity, x, l, {}, {identity, zeros({3, 5})}),
               "hidden [2, 5], the teacher's [3, 5]");
  EXPECT_ERROR(chunked_distillation(identity, x, l, {}, {identity, zeros({2, 6})}),
               "logits [2, 5], the teacher's [2, 6]");
  EXPECT_ERROR(chunked_distillation(identity, x, l, zeros({3}), {identity, x}), "weights [3]");
}

}  // namespace
}  // namespace dure

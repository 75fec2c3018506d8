#include "ops/cross_entropy.h"

#include "ops/gradient_check.h"
#include "ops/linear.h"

namespace dure {
namespace {

Tensor labels(const std::vector<int>& values) { return Tensor::from(test_device(), values); }

TEST(CrossEntropy, GradientMatchesFiniteDifferences) {
  for (const std::vector<int>& l : {std::vector<int>{0, 4, 2}, {-100, 1, 1}, {-100, -100, 3}, {-1, 0, -100}})
    expect_gradient([&](const Inputs& in) { return cross_entropy(in[0], labels(l)); }, {random({3, 5})});
}

TEST(CrossEntropy, IsTheMeanOverLabelsThatCount) {
  EXPECT_FLOAT_EQ(cross_entropy(zeros({3, 8}), labels({7, -100, 0})).data()[0], std::log(8.f));
}

TEST(CrossEntropy, LogitsFarApartDoNotOverflow) {
  const Tensor logits = trainable(Tensor::from(test_device(), std::vector<float>{1e4f, -1e4f}, {1, 2}));
  const Tensor loss = cross_entropy(logits, labels({1}));
  EXPECT_FLOAT_EQ(loss.data()[0], 2e4f);
  backward(loss);
  EXPECT_THAT(logits.grad().to_floats(), testing::ElementsAre(1, -1));
}

TEST(CrossEntropy, InChunksItIsTheSumAndHasItsGradient) {
  const Tensor l = labels({0, -1, 4, 2, -100, -100, 3});
  const auto chunked = [&](int64_t chunk) {
    return [&, chunk](const Inputs& in) {
      return chunked_cross_entropy([&](const Tensor& x) { return linear(x, weight(in[1])); }, in[0], l, {}, chunk);
    };
  };
  const Inputs inputs = {random({7, 3}), random({5, 3})};
  for (const int64_t chunk : {1, 2, 3, 7, 100}) {
    EXPECT_NEAR(chunked(chunk)(inputs).data()[0], 4 * cross_entropy(linear(inputs[0], weight(inputs[1])), l).data()[0],
                1e-5);
    expect_gradient(chunked(chunk), {random({7, 3}), random({5, 3})});
  }
}

TEST(CrossEntropy, InChunksRowsMayWeighMoreOrLess) {
  const Tensor l = labels({4, -1, 0, 2, 1}), weights = random({5});
  const auto loss = [&](const Inputs& in) {
    return chunked_cross_entropy([](const Tensor& x) { return x; }, in[0], l, weights, 2);
  };
  const Tensor logits = random({5, 6});
  double expected = 0;
  for (int64_t t = 0; t < 5; ++t)
    if (const int label = l.data<int>()[static_cast<size_t>(t)]; label >= 0)
      expected += weights.data()[static_cast<size_t>(t)] * cross_entropy(logits.rows(t, 1), labels({label})).data()[0];
  EXPECT_NEAR(loss({logits}).data()[0], expected, 1e-5);
  expect_gradient(loss, {logits});
  EXPECT_ERROR(chunked_cross_entropy([](const Tensor& x) { return x; }, logits, l, random({4})), "weights [4]");
}

TEST(CrossEntropy, InChunksNoLabelIsNoLoss) {
  const Tensor x = random({2, 3});
  const Block head = [&](const Tensor& in) { return in; };
  EXPECT_EQ(chunked_cross_entropy(head, x, labels({-1, -1}), {}, 1).data()[0], 0);
  EXPECT_ERROR(chunked_cross_entropy(head, x, labels({-1, 3}), {}, 1), "label 3 of 3 classes");
}

TEST(CrossEntropy, NamesWhatIsWrong) {
  const Tensor logits = zeros({2, 5});
  EXPECT_ERROR(cross_entropy(logits, labels({1})), "logits [2, 5], labels [1]");
  EXPECT_ERROR(cross_entropy(logits, labels({1, 5})), "label 5 of 5 classes");
  EXPECT_ERROR(cross_entropy(logits, labels({-100, -100})), "every label is ignored");
}

}  // namespace
}  // namespace dure

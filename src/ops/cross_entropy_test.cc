#include "ops/cross_entropy.h"

#include "ops/gradient_check.h"

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

TEST(CrossEntropy, NamesWhatIsWrong) {
  const Tensor logits = zeros({2, 5});
  EXPECT_ERROR(cross_entropy(logits, labels({1})), "logits [2, 5], labels [1]");
  EXPECT_ERROR(cross_entropy(logits, labels({1, 5})), "label 5 of 5 classes");
  EXPECT_ERROR(cross_entropy(logits, labels({-100, -100})), "every label is ignored");
}

}  // namespace
}  // namespace dure

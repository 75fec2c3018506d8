#include "ops/balance_loss.h"

#include "ops/elementwise.h"
#include "ops/gradient_check.h"

namespace dure {
namespace {

constexpr Routing::Score kScores[] = {Routing::Score::sigmoid, Routing::Score::softmax, Routing::Score::sqrt_softplus};

Tensor choices(const std::vector<int>& ids, int64_t k) {
  const Tensor t = Tensor::from(test_device(), ids);
  return t.alias({static_cast<int64_t>(ids.size()) / k, k});
}

TEST(BalanceLoss, GradientMatchesFiniteDifferences) {
  const Tensor ids = choices({0, 1, 0, 3, 1, 2, 0, 1, 2, 3}, 2);
  const std::vector<int> starts = {0, 2, 5};
  for (const Routing::Score score : kScores)
    expect_gradient([&](const Inputs& in) { return balance_loss(in[0], ids, starts, score); }, {random({5, 4})});
}

TEST(BalanceLoss, IsTheNumberOfRowsWhereUseIsEvenAndMoreWhereItIsNot) {
  const std::vector<int> starts = {0, 4};
  for (const Routing::Score score : kScores) {
    const auto loss = [&](const std::vector<float>& row, const std::vector<int>& ids) {
      std::vector<float> logits;
      for (int t = 0; t < 4; ++t) logits.insert(logits.end(), row.begin(), row.end());
      return balance_loss(Tensor::from(test_device(), logits, {4, 4}), choices(ids, 1), starts, score).data()[0];
    };
    EXPECT_FLOAT_EQ(loss({1, 1, 1, 1}, {0, 1, 2, 3}), 4);
    EXPECT_GT(loss({2, 1, 1, 1}, {0, 0, 0, 1}), 4);
  }
}

TEST(BalanceLoss, ALossWithinIsAddedToTheEnd) {
  const Tensor x = trainable(random({1})), y = trainable(random({1}));
  backward(scale(with_loss(scale(x, 3), scale(y, 5), 0.5f), 2));
  EXPECT_FLOAT_EQ(x.grad().data()[0], 6);
  EXPECT_FLOAT_EQ(y.grad().data()[0], 2.5f);
}

TEST(BalanceLoss, NamesWhatIsWrong) {
  EXPECT_ERROR(balance_loss(zeros({2, 4}), choices({0, 1}, 1), std::vector<int>{0, 3}, kScores[0]), "3 rows");
}

}  // namespace
}  // namespace dure

#include "ops/linear.h"

#include "ops/gradient_check.h"

namespace dure {
namespace {

TEST(Linear, GradientMatchesFiniteDifferences) {
  for (const auto& [x, n] : {std::pair{Shape{1, 1}, 1}, {Shape{3, 7}, 5}, {Shape{2, 3, 4}, 6}})
    expect_gradient([](const Inputs& in) { return linear(in[0], weight(in[1])); }, {random(x), random({n, x.back()})});
}

TEST(Linear, FrozenWeightsOfAnyTypePassTheGradientOn) {
  const Tensor floats = random({6, 32});
  Tensor quantised = Tensor::empty(test_device(), DType::Q8_0, {6, 32});
  info(DType::Q8_0).quantise(floats.data().data(), nullptr, quantised.view().data, floats.numel());
  expect_gradient([&](const Inputs& in) { return linear(in[0], weight(quantised)); }, {random({3, 32})});
}

TEST(Linear, NamesBothWidthsWhenTheyDiffer) {
  EXPECT_ERROR(linear(zeros({2, 8}), weight(zeros({3, 6}))), "x has 8 channels, weight [3, 6]");
}

/// MLA's kv_b_proj: of the stride rows of each head, W_UK has the first and W_UV the rest.
TEST(LinearHeads, GradientMatchesFiniteDifferencesInBothDirections) {
  constexpr int T = 3, H = 2, K = 5;
  for (const HeadRows& rows : {HeadRows{7, 0, 3}, HeadRows{7, 3, 4}, HeadRows{4, 0, 4}})
    for (const Direction direction : {Direction::forward, Direction::transpose}) {
      const int64_t in = direction == Direction::forward ? K : rows.count;
      expect_gradient([&](const Inputs& i) { return linear_heads(i[0], weight(i[1]), rows, direction); },
                      {random({T, H, in}), random({H * rows.stride, K})});
    }
}

TEST(LinearHeads, NamesWhatDoesNotFit) {
  const Weight w = weight(zeros({14, 5}));
  EXPECT_ERROR(linear_heads(zeros({3, 2, 6}), w, {7, 0, 3}, Direction::forward),
               "expected x [T, H, 5], found [3, 2, 6]");
  EXPECT_ERROR(linear_heads(zeros({3, 3, 5}), w, {7, 0, 3}, Direction::forward), "3 heads of 7 rows do not fit");
}

TEST(Embedding, GradientAddsUpOverRepeatedIds) {
  const Tensor ids = Tensor::from(test_device(), std::vector<int>{2, 0, 2, 3, 2});
  expect_gradient([&](const Inputs& in) { return embedding(ids, weight(in[0])); }, {random({5, 4})});
}

TEST(Embedding, NamesAnIdOutsideTheTable) {
  for (const int id : {-1, 5})
    EXPECT_ERROR(embedding(Tensor::from(test_device(), std::vector<int>{id}), weight(zeros({5, 4}))),
                 fmt::format("token id {}: the vocabulary has 5 entries", id));
}

}  // namespace
}  // namespace dure

#include "ops/tape.h"

#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/elementwise.h"
#include "ops/gradient_check.h"
#include "ops/linear.h"
#include "ops/moe.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/view.h"

namespace dure {
namespace {

Tensor vector(std::vector<float> values) {
  return Tensor::from(test_device(), values, {static_cast<int64_t>(values.size())});
}

TEST(Tape, RecordsNothingWhereNothingRequiresAGradient) {
  const Tensor x = random({2, 1, 4}), rows = random({2, 4}), square = random({4, 4});
  const Tensor ids = Tensor::from(test_device(), std::vector<int>{0, 1});
  const std::vector<int> positions = {0, 1}, starts = {0, 2};
  const Routed routed = route(rows, {}, {.top_k = 1});
  const Weight w = weight(square);
  const Tensor results[] = {
      linear(x, w),
      linear_heads(x, w, {4, 0, 4}, Direction::forward),
      embedding(ids, w),
      rms_norm(x, random({4}), 1e-6f),
      rope(x, positions, random({2}), 1, RopeStyle::half),
      attention(x, {x, {}}, x, {starts, positions}, 1),
      swiglu(x, x),
      add(x, x),
      scale(x, 2),
      routed.weights,
      moe(rows, {{w, w, w}, {w, w, w}, {w, w, w}, {w, w, w}}, routed),
      cross_entropy(rows, ids),
      reshape(x, {8}),
      narrow(x, 1, 2),
      concat(x, x),
      take_rows(x, {0}),
      contiguous(narrow(x, 1, 2)),
  };
  for (size_t i = 0; i < std::size(results); ++i) {
    EXPECT_EQ(results[i].node(), nullptr) << i;
    EXPECT_FALSE(results[i].requires_grad()) << i;
  }
}

TEST(Tape, ATensorUsedTwiceGetsTheSum) {
  const Tensor x = trainable(vector({3}));
  const Tensor y = scale(x, 2);           // x -> y -> 5 y + y, and x once more by itself
  backward(add(add(scale(y, 5), y), x));  // dL/dx = 2 (5 + 1) + 1
  EXPECT_THAT(x.grad().to_floats(), testing::ElementsAre(13));
}

TEST(Tape, AnOpWithTheSameInputTwiceGetsTheSum) {
  expect_gradient([](const Inputs& in) { return swiglu(in[0], in[0]); }, {random({2, 3})});
  expect_gradient([](const Inputs& in) { return linear(in[0], weight(in[0])); }, {random({3, 3})});
}

TEST(Tape, BackwardAddsToGradientsThatAreThere) {
  const Tensor x = trainable(vector({3})), unused = trainable(vector({1}));
  for (const float expected : {2.f, 4.f}) {
    backward(scale(x, 2));
    EXPECT_THAT(x.grad().to_floats(), testing::ElementsAre(expected));
  }
  EXPECT_FALSE(unused.grad().defined());
}

TEST(Tape, GradientsShareNoMemory) {  // add() hands one gradient on to both
  const Tensor a = trainable(vector({1})), b = trainable(vector({1}));
  backward(add(a, b));
  a.grad().data()[0] = 7;
  EXPECT_THAT(b.grad().to_floats(), testing::ElementsAre(1));
}

TEST(Tape, FrozenTensorsGetNoGradient) {
  const Tensor x = trainable(random({2, 3})), w = random({4, 3}),
               labels = Tensor::from(test_device(), std::vector{0, 1});
  backward(cross_entropy(linear(x, weight(w)), labels));
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
}

TEST(Tape, GradientsLeavesGradAlone) {
  const Tensor x = trainable(vector({3, 4})), unused = trainable(vector({1}));
  const Tensor y = scale(x, 2);
  const Gradients g = gradients(y, vector({1, 10}), {unused, x});
  EXPECT_FALSE(g[0].defined());
  EXPECT_THAT(g[1].to_floats(), testing::ElementsAre(2, 20));
  EXPECT_FALSE(x.grad().defined());
  ASSERT_EQ(leaves(y).size(), 1u);
  EXPECT_TRUE(leaves(y)[0].same(x));
}

TEST(Tape, NeedsAScalarLossThatDependsOnSomething) {
  EXPECT_ERROR(backward(trainable(random({2}))), "expected a loss of one element, found [2]");
  EXPECT_ERROR(backward(random({1})), "depends on nothing that requires a gradient");
}

/// Each op's result is the next one's input, in two of the ways that a graph can be held: alone and branching.
TEST(Tape, ChainsDeeperThanTheStack) {
  constexpr int kDepth = 100'000;
  const Tensor x = trainable(vector({1}));
  Tensor chain = x, ladder = x;
  for (int i = 0; i < kDepth; ++i) {
    chain = scale(chain, 1);
    ladder = add(ladder, scale(ladder, i % 2 == 0 ? 0.f : -0.5f));
  }
  backward(chain);
  EXPECT_THAT(x.grad().to_floats(), testing::ElementsAre(1));
  backward(ladder);
  const Tensor middle = chain.node()->inputs[0];
  chain = ladder = Tensor();  // freed but for what `middle` holds
  backward(middle);
  EXPECT_THAT(x.grad().to_floats(), testing::ElementsAre(2));
}

TEST(Tape, FreesAGraphThatNobodyHolds) {
  const Tensor x = trainable(vector({1}));
  {
    const Tensor y = add(scale(x, 2), scale(x, 3));
    EXPECT_FALSE(x.unique());
    backward(y);
  }
  EXPECT_TRUE(x.unique());
}

}  // namespace
}  // namespace dure

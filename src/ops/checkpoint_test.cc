#include "ops/checkpoint.h"

#include "ops/elementwise.h"
#include "ops/gradient_check.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"
#include "ops/view.h"

namespace dure {
namespace {

/// x + down(silu(gate(n)) * up(n)) of n = norm(x): a layer with four parameters, and a count of its runs.
struct Layer {
  std::vector<Tensor> parameters;
  std::shared_ptr<int> runs = std::make_shared<int>();

  explicit Layer(bool train) : parameters{random({6}), random({4, 6}), random({4, 6}), random({6, 4})} {
    for (Tensor& p : parameters) p.set_requires_grad(train);
  }
  Tensor operator()(const Tensor& x) const {  // [T, 6] -> [T, 6]
    ++*runs;
    const Tensor n = rms_norm(x, parameters[0], 1e-6f);
    const Tensor hidden = swiglu(linear(n, weight(parameters[1])), linear(n, weight(parameters[2])));
    return add(x, linear(hidden, weight(parameters[3])));
  }
};

/// Two layers of which the first runs twice: shared weights.
template <class Apply>
Tensor network(const Layer& first, const Layer& second, const Tensor& x, Apply apply) {
  return apply(first, apply(second, apply(first, x)));
}

class Checkpoint : public testing::TestWithParam<std::pair<bool, bool>> {};

TEST_P(Checkpoint, GradientsHaveTheSameBits) {
  const auto [train_x, train_layers] = GetParam();
  Tensor x = random({3, 6});
  x.set_requires_grad(train_x);
  const Layer first(train_layers), second(train_layers);
  std::vector<Tensor> wanted = {x};
  for (const Layer* layer : {&first, &second})
    wanted.insert(wanted.end(), layer->parameters.begin(), layer->parameters.end());

  const Tensor plain = network(first, second, x, [](const Layer& layer, const Tensor& t) { return layer(t); });
  const Tensor saved =
      network(first, second, x, [](const Layer& layer, const Tensor& t) { return checkpoint(layer, t); });
  EXPECT_EQ(saved.to_floats(), plain.to_floats());
  EXPECT_EQ(*second.runs, 2);

  const Tensor dy = random({3, 6});
  const Gradients expected = gradients(plain, dy, wanted), actual = gradients(saved, dy, wanted);
  EXPECT_EQ(*second.runs, 3);
  for (size_t i = 0; i < wanted.size(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_EQ(actual[i].defined(), expected[i].defined());
    if (expected[i].defined()) {
      EXPECT_EQ(actual[i].to_floats(), expected[i].to_floats());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Trained, Checkpoint,
                         testing::Values(std::pair{true, true}, std::pair{false, true}, std::pair{true, false}));

TEST(Checkpoint, GradientMatchesFiniteDifferences) {
  const Layer layer(false);
  expect_gradient(
      [&](const Inputs& in) { return checkpoint([&](const Tensor& x) { return layer(narrow(x, 1, 6)); }, in[0]); },
      {random({3, 8})});
}

TEST(Checkpoint, Nests) {
  const Layer layer(true);
  const Tensor x = trainable(random({3, 6})), dy = random({3, 6});
  const Tensor y = checkpoint([&](const Tensor& t) { return checkpoint(layer, checkpoint(layer, t)); }, x);
  std::vector<Tensor> wanted = layer.parameters;
  wanted.push_back(x);
  const Gradients expected = gradients(layer(layer(x)), dy, wanted), actual = gradients(y, dy, wanted);
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(actual[i].to_floats(), expected[i].to_floats()) << i;
}

TEST(Checkpoint, KeepsNothingOfTheBlockAndRecordsNothingInInference) {
  const Layer frozen(false), layer(true);
  EXPECT_EQ(checkpoint(frozen, random({3, 6})).node(), nullptr);
  std::weak_ptr<Node> inside;
  const Tensor y = checkpoint(
      [&](const Tensor& x) {
        const Tensor result = layer(x);
        inside = result.node();
        return result;
      },
      random({3, 6}));
  EXPECT_NE(y.node(), nullptr);
  EXPECT_TRUE(inside.expired());
}

}  // namespace
}  // namespace dure

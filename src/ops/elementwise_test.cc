#include "ops/elementwise.h"

#include <cmath>

#include "ops/gradient_check.h"

namespace dure {
namespace {

TEST(Add, GradientMatchesFiniteDifferences) {
  for (const auto& [a, b] :
       {std::pair{Shape{3, 4}, Shape{3, 4}}, {Shape{3, 4}, Shape{4}}, {Shape{2, 3, 4}, Shape{4}}, {Shape{4}, Shape{4}}})
    expect_gradient([](const Inputs& in) { return add(in[0], in[1]); }, {random(a), random(b)});
}

TEST(Add, NamesBothShapesWhenTheyDiffer) {
  EXPECT_ERROR(add(zeros({2, 3}), zeros({3, 2})), "[2, 3] and [3, 2]");
  EXPECT_ERROR(add(zeros({2, 3}), zeros({2})), "[2, 3] and [2]");
}

TEST(Scale, GradientMatchesFiniteDifferences) {
  for (const float factor : {0.f, -2.5f})
    expect_gradient([&](const Inputs& in) { return scale(in[0], factor); }, {random({3, 4})});
}

TEST(SwiGlu, GradientMatchesFiniteDifferences) {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 7}, Shape{2, 2, 5}})
    expect_gradient([](const Inputs& in) { return swiglu(in[0], in[1]); }, {random(shape), random(shape)});
}

TEST(SwiGlu, WhatIsBeyondTheLimitHasNoGradient) {
  const auto pair = [](float a, float b) {
    return trainable(Tensor::from(test_device(), std::vector<float>{a, b}, {1, 2}));
  };
  const Tensor gate = pair(0.5f, 3), up = pair(-2, 0.25f),
               one = Tensor::from(test_device(), std::vector<float>{1, 1}, {1, 2});
  const auto silu = [](float g) { return g / (1 + std::exp(-g)); };
  const Tensor y = swiglu(gate, up, 1);
  EXPECT_FLOAT_EQ(y.data()[0], -silu(0.5f));
  EXPECT_FLOAT_EQ(y.data()[1], 0.25f * silu(1));
  const Gradients g = gradients(y, one, {gate, up});
  EXPECT_NE(g[0].data()[0], 0);
  EXPECT_EQ(g[0].data()[1], 0);  // the gate was limited
  EXPECT_EQ(g[1].data()[0], 0);  // the other was
  EXPECT_FLOAT_EQ(g[1].data()[1], silu(1));
}

TEST(SwiGlu, GatesFarFromZeroAreSwitches) {
  const Tensor gate = trainable(Tensor::from(test_device(), std::vector<float>{-200, 200}, {1, 2}));
  const Tensor up = trainable(Tensor::from(test_device(), std::vector<float>{3, 3}, {1, 2}));
  const Tensor one = Tensor::from(test_device(), std::vector<float>{1, 1}, {1, 2});
  const Gradients g = gradients(swiglu(gate, up), one, {gate, up});
  EXPECT_THAT(g[0].to_floats(), testing::ElementsAre(0, 3));
  EXPECT_THAT(g[1].to_floats(), testing::ElementsAre(0, 200));
}

TEST(SwiGlu, NamesBothShapesWhenTheyDiffer) {
  EXPECT_ERROR(swiglu(zeros({2, 3}), zeros({2, 4})), "gate [2, 3] and up [2, 4]");
}

}  // namespace
}  // namespace dure

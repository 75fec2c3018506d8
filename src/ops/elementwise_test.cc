#include "ops/elementwise.h"

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

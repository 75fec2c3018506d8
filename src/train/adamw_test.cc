#include "train/adamw.h"

#include <gmock/gmock.h>

#include <cmath>

#include "backend/registry.h"
#include "base/error.h"

namespace dure {
namespace {

class AdamWTest : public testing::Test {
 protected:
  Tensor parameter(std::vector<float> values) {
    Tensor t = tensor(std::move(values));
    t.set_requires_grad(true);
    return t;
  }
  Tensor tensor(const std::vector<float>& values) {
    return Tensor::from(*device, values, {static_cast<int64_t>(values.size())});
  }
  const std::unique_ptr<Device> device = make_device({"reference", 1});
};

TEST_F(AdamWTest, TheFirstStepIsTheLearningRateInTheGradientsDirection) {
  Tensor p = parameter({1, 1, 1, 1});
  AdamW optimizer({{"p", p}}, {.weight_decay = 0});
  p.set_grad(tensor({1e-3f, -5, 0, 1000}));
  optimizer.step(0.1);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(p.data()[i], (std::array{0.9f, 1.1f, 1.f, 0.9f}[i]), 1e-5) << i;
}

TEST_F(AdamWTest, FollowsTheFormulaOverManySteps) {
  const AdamWOptions o{.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.3};
  Tensor p = parameter({2, -3});
  AdamW optimizer({{"p", p}}, o);
  std::array<double, 2> x = {2, -3}, m{}, v{};
  for (int i = 1; i <= 50; ++i) {
    const double rate = 0.1 / i;
    const std::array<float, 2> g = {std::sin(float(i)), 10 * std::cos(float(i))};
    p.set_grad(tensor({g[0], g[1]}));
    optimizer.step(rate);
    for (int k = 0; k < 2; ++k) {
      m[k] = o.beta1 * m[k] + (1 - o.beta1) * g[k];
      v[k] = o.beta2 * v[k] + (1 - o.beta2) * g[k] * g[k];
      const double mean = m[k] / (1 - std::pow(o.beta1, i)), square = v[k] / (1 - std::pow(o.beta2, i));
      x[k] -= rate * o.weight_decay * x[k] + rate * mean / (std::sqrt(square) + o.eps);
      ASSERT_NEAR(p.data()[k], x[k], 1e-5) << "step " << i << ", element " << k;
    }
  }
}

TEST_F(AdamWTest, DecaysWhereTheGradientIsZeroAndLeavesAloneWhereThereIsNone) {
  Tensor zero = parameter({2}), none = parameter({2}), frozen = tensor({2});
  AdamW optimizer({{"zero", zero}, {"none", none}, {"frozen", frozen}}, {.weight_decay = 0.5});
  zero.set_grad(tensor({0}));
  frozen.set_grad(tensor({1}));
  optimizer.step(0.1);
  EXPECT_FLOAT_EQ(zero.data()[0], 2 * (1 - 0.1f * 0.5f));
  EXPECT_FLOAT_EQ(none.data()[0], 2);
  EXPECT_FLOAT_EQ(frozen.data()[0], 2);
  optimizer.zero_grad();
  EXPECT_FALSE(zero.grad().defined());
}

TEST_F(AdamWTest, TakesFloat32Only) {
  Tensor half = Tensor::zeros(*device, DType::BF16, {4});
  half.set_requires_grad(true);
  try {
    AdamW({{"half", half}});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "AdamW: parameter 'half' is BF16, expected F32");
  }
}

}  // namespace
}  // namespace dure

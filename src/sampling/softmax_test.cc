#include "sampling/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace dure {
namespace {

TEST(Softmax, ExponentialIsWithinTwoUnitsInTheLastPlace) {
  std::vector<float> x;
  for (float v = 0; v > -87; v -= 0.00037f) x.push_back(v);
  std::vector<float> y(x.size());
  exp_nonpositive(y, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(double(x[i]));
    ASSERT_NEAR(y[i], exact, 2 * 0x1p-23 * exact) << "x = " << x[i];
  }
}

TEST(Softmax, ExponentialAtTheEnds) {
  const float infinity = std::numeric_limits<float>::infinity(), max = std::numeric_limits<float>::max();
  const std::vector<float> x = {0, -0.f, -87.7f, -1e9f, -max, -infinity};
  std::vector<float> y(x.size());
  exp_nonpositive(y, x);
  EXPECT_EQ(y, (std::vector<float>{1, 1, 0, 0, 0, 0}));
}

TEST(Softmax, MaxSumAndLogSumExpAgreeWithTheirDefinitions) {
  Rng rng(1);
  for (const size_t n : {1, 2, 15, 16, 17, 511, 512, 513, 5000}) {
    std::vector<float> z(n);
    double sum = 0, sum_exp = 0;
    float best = -1e9f;
    for (float& v : z) {
      v = float(rng.uniform() * 30);
      sum += v;
      sum_exp += std::exp(double(v));
      best = v > best ? v : best;
    }
    EXPECT_EQ(max_of(z), best);
    EXPECT_NEAR(sum_of(z) / sum, 1, 1e-6);
    EXPECT_NEAR(log_sum_exp(z), std::log(sum_exp), 1e-6);
  }
  EXPECT_EQ(max_of({}), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(log_sum_exp({}), -std::numeric_limits<double>::infinity());
  for (const std::vector<float>& z : {std::vector<float>{-3, -1, -2}, {-5, -1}, {-1, 0, -7}})
    EXPECT_EQ(max_of(z), *std::max_element(z.begin(), z.end()));
}

}  // namespace
}  // namespace dure

#include "ops/rope.h"

#include "ops/gradient_check.h"
#include "ops/view.h"

namespace dure {
namespace {

const std::vector<int> kPositions = {0, 1, 5, 1000};

TEST(Rope, GradientMatchesFiniteDifferences) {
  const Tensor frequencies = Tensor::from(test_device(), std::vector<float>{1, 0.1f, 0.01f}, {3});
  for (const RopeStyle style : {RopeStyle::half, RopeStyle::interleaved})
    for (const float magnitude : {1.f, 1.37f}) {
      expect_gradient([&](const Inputs& in) { return rope(in[0], kPositions, frequencies, magnitude, style); },
                      {random({4, 2, 6})});
      expect_gradient(  // the last channels of wider heads, as in MLA
          [&](const Inputs& in) { return rope(narrow(in[0], 3, 6), kPositions, frequencies, magnitude, style); },
          {random({4, 2, 9})});
    }
}

TEST(Rope, NamesWhatDoesNotFit) {
  const Tensor f = zeros({3});
  EXPECT_ERROR(rope(zeros({4, 2, 8}), kPositions, f, 1, RopeStyle::half), "x [4, 2, 8] with 3 frequencies");
  EXPECT_ERROR(rope(zeros({5, 2, 6}), kPositions, f, 1, RopeStyle::half), "5 rows, 4 positions");
}

}  // namespace
}  // namespace dure

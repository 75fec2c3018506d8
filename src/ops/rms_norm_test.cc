#include "ops/rms_norm.h"

#include "ops/gradient_check.h"
#include "ops/view.h"

namespace dure {
namespace {

TEST(RmsNorm, GradientMatchesFiniteDifferences) {
  for (const Shape& shape : {Shape{1, 2}, Shape{3, 7}, Shape{2, 3, 16}})
    for (const float eps : {1e-6f, 0.5f})
      expect_gradient([&](const Inputs& in) { return rms_norm(in[0], in[1], eps); },
                      {random(shape), random({shape.back()})});
}

TEST(RmsNorm, TakesPartOfAWiderRow) {
  expect_gradient([](const Inputs& in) { return rms_norm(narrow(in[0], 3, 6), in[1], 1e-6f); },
                  {random({4, 11}), random({6})});
}

TEST(RmsNorm, NamesBothWidthsWhenTheyDiffer) {
  EXPECT_ERROR(rms_norm(zeros({2, 8}), zeros({6}), 1e-6f), "x has 8 channels, weight [6]");
}

}  // namespace
}  // namespace dure

#include "train/muon.h"

#include <gmock/gmock.h>

#include <cmath>

#include "backend/registry.h"
#include "base/error.h"
#include "base/rng.h"

namespace dure {
namespace {

class MuonTest : public testing::Test {
 protected:
  Tensor random(const Shape& shape) {
    Tensor t = Tensor::empty(*device, DType::F32, shape);
    for (float& v : t.data()) v = static_cast<float>(rng.uniform() - 0.5);
    return t;
  }
  Rng rng{3};
  const std::unique_ptr<Device> device = make_device({"reference", 1});
};

TEST_F(MuonTest, OrthogonalisedMatricesHaveSingularValuesNearOne) {
  for (const Shape& shape : {Shape{8, 8}, Shape{6, 40}, Shape{40, 6}, Shape{1, 5}}) {
    const Tensor x = random(shape), y = orthogonalise(x, 5);
    // The mean square of the singular values, and their sum along those of x: x . y = sum of s_x s_y > 0.
    double squares = 0, along = 0;
    for (size_t i = 0; i < y.data().size(); ++i)
      squares += double(y.data()[i]) * y.data()[i], along += double(y.data()[i]) * x.data()[i];
    EXPECT_NEAR(std::sqrt(squares / double(std::min(shape[0], shape[1]))), 1, 0.35) << shape[0] << " x " << shape[1];
    EXPECT_GT(along, 0);
  }
}

TEST_F(MuonTest, UpdatesOfEveryShapeHaveTheSameSize) {
  for (const Shape& shape : {Shape{16, 16}, Shape{8, 64}, Shape{64, 8}}) {
    Tensor p = Tensor::zeros(*device, DType::F32, shape);
    p.set_requires_grad(true);
    Muon muon({{"p", p}});
    p.set_grad(random(shape));
    muon.step(0.1);
    double squares = 0;
    for (const float v : p.data()) squares += double(v) * v;
    EXPECT_NEAR(std::sqrt(squares / double(shape.numel())), 0.1 * 0.2, 0.1 * 0.2 * 0.35);
  }
}

TEST_F(MuonTest, TakesMatricesOnly) {
  Tensor vector = Tensor::zeros(*device, DType::F32, {4});
  vector.set_requires_grad(true);
  EXPECT_THROW(Muon({{"norm", vector}}), Error);
}

}  // namespace
}  // namespace dure

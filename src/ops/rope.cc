#include "ops/rope.h"

#include "base/error.h"
#include "ops/tape.h"

namespace dure {

Tensor rope(const Tensor& x, std::span<const int> positions, const Tensor& frequencies, float magnitude,
            RopeStyle style) {
  require(x.shape().rank() == 3 && x.dim(2) == 2 * frequencies.dim(0), "rope: x {} with {} frequencies", x.shape(),
          frequencies.dim(0));
  require(static_cast<int64_t>(positions.size()) == x.dim(0), "rope: {} rows, {} positions", x.dim(0),
          positions.size());
  Backend& backend = x.device().backend();

  Tensor y = Tensor::empty(x.device(), DType::F32, x.shape());  // [T, H, R]
  backend.rope(y.view(), x.view(), positions, frequencies.view(), magnitude, style, 1);

  std::vector<int> kept(x.requires_grad() ? positions.begin() : positions.end(), positions.end());
  return record(y, {x}, [=, &backend](const Tensor& dy) {
    Tensor dx = Tensor::like(dy);  // a rotation's transpose turns back
    backend.rope(dx.view(), dy.view(), kept, frequencies.view(), magnitude, style, -1);
    return Gradients{dx};
  });
}

}  // namespace dure

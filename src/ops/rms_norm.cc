#include "ops/rms_norm.h"

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {

Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) {
  require(weight.shape() == Shape{x.dim(-1)}, "rms_norm: x has {} channels, weight {}", x.dim(-1), weight.shape());
  Backend& backend = x.device().backend();

  Tensor y = Tensor::like(x);  // [..., D]
  backend.rms_norm(y.view(), x.view(), weight.view(), eps);

  return record(y, {x, weight}, [=, &backend](const Tensor& dy) {
    Tensor dx = Tensor::like(x);            // [..., D]
    Tensor dweight = Tensor::like(weight);  // [D]
    backend.rms_norm_backward(dx.view(), dweight.view(), dy.view(), x.view(), weight.view(), eps);
    return Gradients{dx, dweight};
  });
}

}  // namespace dure

#include "ops/layer_norm.h"

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
  record_nothing("layer_norm", {x, weight, bias});
  require(weight.shape() == Shape{x.dim(-1)} && bias.shape() == weight.shape(),
          "layer_norm: x has {} channels, weight {}, bias {}", x.dim(-1), weight.shape(), bias.shape());
  Tensor y = Tensor::like(x);  // [..., D]
  x.device().backend().layer_norm(y.view(), x.view(), weight.view(), bias.view(), eps);
  return y;
}

}  // namespace dure

#include "ops/elementwise.h"

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {

Tensor add(const Tensor& a, const Tensor& b) {
  const bool one_row = b.shape().rank() == 1;
  require(a.shape() == b.shape() || (one_row && b.dim(0) == a.dim(-1)), "add: {} and {}", a.shape(), b.shape());
  Backend& backend = a.device().backend();

  Tensor y = Tensor::like(a);  // [..., D]
  backend.add(y.view(), a.view(), b.view());

  return record(y, {a, b}, [shape = b.shape(), one_row, &backend](const Tensor& dy) {
    if (!one_row) return Gradients{dy, dy};
    Tensor db = Tensor::zeros(dy.device(), DType::F32, shape);  // [D]
    backend.sum_rows(db.view(), dy.view());
    return Gradients{dy, db};
  });
}

Tensor scale(const Tensor& x, float factor) {
  Backend& backend = x.device().backend();
  Tensor y = Tensor::like(x);
  backend.scale(y.view(), x.view(), factor);
  return record(y, {x}, [factor, &backend](const Tensor& dy) {
    Tensor dx = Tensor::like(dy);
    backend.scale(dx.view(), dy.view(), factor);
    return Gradients{dx};
  });
}

Tensor swiglu(const Tensor& gate, const Tensor& up, float limit) {
  require(gate.shape() == up.shape(), "swiglu: gate {} and up {}", gate.shape(), up.shape());
  Backend& backend = gate.device().backend();

  Tensor y = Tensor::like(gate);  // [..., I]
  backend.swiglu(y.view(), gate.view(), up.view(), limit);

  return record(y, {gate, up}, [gate, up, limit, &backend](const Tensor& dy) {
    Tensor dgate = Tensor::like(gate), dup = Tensor::like(up);  // [..., I]
    backend.swiglu_backward(dgate.view(), dup.view(), dy.view(), gate.view(), up.view(), limit);
    return Gradients{dgate, dup};
  });
}

}  // namespace dure

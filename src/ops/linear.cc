#include "ops/linear.h"

#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

Shape with_last(const Shape& shape, int64_t columns) {
  Shape s = shape;
  s[-1] = columns;
  return s;
}

}  // namespace

Tensor linear(const Tensor& x, const Weight& w) {
  require(x.dim(-1) == w.in_features(), "linear: x has {} channels, weight {}", x.dim(-1), w.data.shape());
  Backend& backend = x.device().backend();

  Tensor y = Tensor::empty(x.device(), DType::F32, with_last(x.shape(), w.out_features()));  // [..., N]
  backend.gemm(y.view(), x.view(), w, Direction::forward);

  return record(y, {x, w.data}, [x, w, &backend](const Tensor& dy) {
    Gradients g(2);
    if (x.requires_grad()) {
      g[0] = Tensor::like(x);  // [..., K]
      backend.gemm(g[0].view(), dy.view(), w, Direction::transpose);
    }
    if (w.data.requires_grad()) {
      g[1] = Tensor::zeros(x.device(), DType::F32, w.data.shape());  // [N, K]
      backend.gemm_backward_weight(g[1].view(), dy.view(), x.view());
    }
    return g;
  });
}

Tensor linear_heads(const Tensor& x, const Weight& w, HeadRows rows, Direction direction) {
  const bool forward = direction == Direction::forward;
  const int64_t in = forward ? w.in_features() : rows.count, out = forward ? rows.count : w.in_features();
  require(x.shape().rank() == 3 && x.dim(2) == in, "linear_heads: expected x [T, H, {}], found {}", in, x.shape());
  require((x.dim(1) - 1) * rows.stride + rows.begin + rows.count <= w.out_features(),
          "linear_heads: {} heads of {} rows do not fit weight {}", x.dim(1), rows.stride, w.data.shape());
  Backend& backend = x.device().backend();

  Tensor y = Tensor::empty(x.device(), DType::F32, {x.dim(0), x.dim(1), out});  // [T, H, out]
  backend.gemm_heads(y.view(), x.view(), w, rows, direction);

  return record(y, {x, w.data}, [=, &backend](const Tensor& dy) {
    Gradients g(2);
    if (x.requires_grad()) {
      g[0] = Tensor::empty(x.device(), DType::F32, x.shape());  // [T, H, in]
      backend.gemm_heads(g[0].view(), dy.view(), w, rows, forward ? Direction::transpose : Direction::forward);
    }
    if (w.data.requires_grad()) {
      g[1] = Tensor::zeros(x.device(), DType::F32, w.data.shape());  // [N, K]
      backend.gemm_heads_backward_weight(g[1].view(), dy.view(), x.view(), rows, direction);
    }
    return g;
  });
}

Tensor embedding(const Tensor& ids, const Weight& table) {
  for (const int id : ids.data<int>())
    require(id >= 0 && id < table.out_features(), "token id {}: the vocabulary has {} entries", id,
            table.out_features());
  Backend& backend = ids.device().backend();

  Tensor y = Tensor::empty(ids.device(), DType::F32, {ids.dim(0), table.in_features()});  // [T, D]
  backend.embedding(y.view(), ids.view(), table);

  return record(y, {table.data}, [ids, shape = table.data.shape(), &backend](const Tensor& dy) {
    Tensor dtable = Tensor::zeros(dy.device(), DType::F32, shape);  // [V, D]
    backend.embedding_backward(dtable.view(), dy.view(), ids.view());
    return Gradients{dtable};
  });
}

}  // namespace dure

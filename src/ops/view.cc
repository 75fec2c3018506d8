#include "ops/view.h"

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {
namespace {

Shape with_last(const Shape& shape, int64_t columns) {
  Shape s = shape;
  s[-1] = columns;
  return s;
}

/// Channels of the last dimension as memory that is shared, without a gradient.
Tensor channels(const Tensor& x, int64_t begin, int64_t count) {
  return x.alias(with_last(x.shape(), count), x.view().strides, begin);
}

void copy_into(const Tensor& to, const Tensor& from) { from.device().backend().copy(to.view(), from.view()); }

}  // namespace

Tensor reshape(const Tensor& x, Shape shape) {
  int64_t known = 1;
  int unknown = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) {
      unknown = i;
    } else {
      known *= shape[i];
    }
  }
  if (unknown >= 0) shape[unknown] = known == 0 ? 0 : x.numel() / known;
  require(shape.numel() == x.numel(), "reshape: {} does not have the elements of {}", shape, x.shape());
  const Tensor whole = contiguous(x);
  return record(whole.alias(shape), {whole},
                [from = whole.shape()](const Tensor& dy) { return Gradients{contiguous(dy).alias(from)}; });
}

Tensor narrow(const Tensor& x, int64_t begin, int64_t count) {
  require(begin >= 0 && count >= 0 && begin + count <= x.dim(-1), "narrow: channels {} to {} of {}", begin,
          begin + count, x.shape());
  return record(channels(x, begin, count), {x}, [shape = x.shape(), begin, count](const Tensor& dy) {
    Tensor dx = Tensor::zeros(dy.device(), DType::F32, shape);  // [..., D]
    copy_into(channels(dx, begin, count), dy);
    return Gradients{dx};
  });
}

std::pair<Tensor, Tensor> split(const Tensor& x, int64_t first) {
  return {narrow(x, 0, first), narrow(x, first, x.dim(-1) - first)};
}

Tensor concat(const Tensor& a, const Tensor& b) {
  const int64_t A = a.dim(-1), B = b.dim(-1);
  require(with_last(a.shape(), B) == b.shape(), "concat: {} and {} differ before the last dimension", a.shape(),
          b.shape());
  Tensor y = Tensor::empty(a.device(), DType::F32, with_last(a.shape(), A + B));  // [..., A + B]
  copy_into(channels(y, 0, A), a);
  copy_into(channels(y, A, B), b);
  return record(y, {a, b}, [A, B](const Tensor& dy) { return Gradients{channels(dy, 0, A), channels(dy, A, B)}; });
}

Tensor take_rows(const Tensor& x, std::vector<int> rows) {
  Shape shape = x.shape();
  shape[0] = static_cast<int64_t>(rows.size());
  Tensor y = Tensor::empty(x.device(), DType::F32, shape);
  for (size_t i = 0; i < rows.size(); ++i) {
    require(rows[i] >= 0 && rows[i] < x.dim(0), "take_rows: row {} of {}", rows[i], x.shape());
    copy_into(y.rows(static_cast<int64_t>(i), 1), x.rows(rows[i], 1));
  }
  return record(y, {x}, [from = x.shape(), rows](const Tensor& dy) {
    Tensor dx = Tensor::zeros(dy.device(), DType::F32, from);
    for (size_t i = 0; i < rows.size(); ++i)
      dy.device().backend().accumulate(dx.rows(rows[i], 1).view(), dy.rows(static_cast<int64_t>(i), 1).view());
    return Gradients{dx};
  });
}

void put_rows(const Tensor& to, std::span<const int> rows, const Tensor& from) {
  record_nothing("put_rows", {to, from});
  require(static_cast<int64_t>(rows.size()) == from.dim(0), "put_rows: {} rows, {} places", from.dim(0), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) copy_into(to.rows(rows[i], 1), from.rows(static_cast<int64_t>(i), 1));
}

Tensor contiguous(const Tensor& x) {
  if (x.contiguous()) return x;
  Tensor y = Tensor::empty(x.device(), x.dtype(), x.shape());
  copy_into(y, x);
  return record(y, {x}, [](const Tensor& dy) { return Gradients{dy}; });
}

}  // namespace dure

#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace dure {

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

Tensor Tensor::empty(Device& device, DType dtype, const Shape& shape) {
  const int64_t columns = shape.rank() == 0 ? 1 : shape.back();
  const int64_t rows = columns == 0 ? 0 : shape.numel() / columns;
  std::shared_ptr<void> memory = device.allocate(static_cast<size_t>(rows * row_bytes(dtype, columns)));
  const void* data = memory.get();
  return wrap(device, dtype, shape, data, std::move(memory));
}

Tensor Tensor::zeros(Device& device, DType dtype, const Shape& shape) {
  Tensor t = empty(device, dtype, shape);
  std::memset(t.impl_->data, 0, static_cast<size_t>(t.bytes()));
  return t;
}

Tensor Tensor::from(Device& device, std::span<const float> values, const Shape& shape) {
  DURE_ASSERT(static_cast<int64_t>(values.size()) == shape.numel());
  Tensor t = empty(device, DType::F32, shape);
  std::copy(values.begin(), values.end(), t.data<float>().begin());
  return t;
}

Tensor Tensor::from(Device& device, std::span<const int> values) {
  Tensor t = empty(device, DType::I32, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), t.data<int>().begin());
  return t;
}

Tensor Tensor::wrap(Device& device, DType dtype, const Shape& shape, const void* data,
                    std::shared_ptr<const void> owner) {
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->device = &device;
  t.impl_->dtype = dtype;
  t.impl_->shape = shape;
  t.impl_->strides = contiguous_strides(shape);
  t.impl_->data = const_cast<void*>(data);
  t.impl_->owner = std::move(owner);
  return t;
}

int64_t Tensor::bytes() const {
  const int64_t columns = shape().rank() == 0 ? 1 : shape().back();
  return columns == 0 ? 0 : numel() / columns * row_bytes(dtype(), columns);
}

bool Tensor::contiguous() const {
  const Shape expected = contiguous_strides(shape());
  for (int i = 0; i < shape().rank(); ++i)
    if (shape()[i] != 1 && impl_->strides[i] != expected[i]) return false;
  return true;
}

std::vector<float> Tensor::to_floats() const {
  const ConstView v = view();
  const DTypeInfo& type = info(dtype());
  std::vector<float> out(static_cast<size_t>(numel()));
  for (int64_t r = 0; r < v.rows(); ++r) {
    float* to = out.data() + r * v.columns();
    const int64_t bytes = v.row_offset(r) / type.block * type.block_bytes;
    const auto* from = static_cast<const std::byte*>(v.data) + bytes;
    if (type.dequantise != nullptr) {
      type.dequantise(from, to, v.columns());
    } else if (dtype() == DType::I32) {
      std::copy_n(reinterpret_cast<const int32_t*>(from), v.columns(), to);
    } else {
      std::copy_n(reinterpret_cast<const int64_t*>(from), v.columns(), to);
    }
  }
  return out;
}

Tensor Tensor::alias(const Shape& shape, const Shape& strides, int64_t offset) const {
  const DTypeInfo& type = info(dtype());
  DURE_ASSERT(offset % type.block == 0);
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->device = impl_->device;
  t.impl_->dtype = impl_->dtype;
  t.impl_->shape = shape;
  t.impl_->strides = strides;
  t.impl_->data = static_cast<std::byte*>(impl_->data) + offset / type.block * type.block_bytes;
  t.impl_->owner = impl_->owner;
  return t;
}

Tensor Tensor::alias(const Shape& shape) const {
  DURE_ASSERT(contiguous() && shape.numel() == numel());
  return alias(shape, contiguous_strides(shape), 0);
}

Tensor Tensor::rows(int64_t begin, int64_t count) const {
  DURE_ASSERT(begin >= 0 && count >= 0 && begin + count <= dim(0));
  Shape s = shape();
  s[0] = count;
  return alias(s, impl_->strides, begin * impl_->strides[0]);
}

}  // namespace dure

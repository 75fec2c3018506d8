#pragma once

#include <type_traits>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace dure {

/// What a backend sees of a tensor: where it lies, nothing about who owns it. The last dimension is contiguous; the
/// others step by `strides` (in elements), so that a split or a head of a wider row is a view.
template <class Void>
struct BasicView {
  Void* data = nullptr;
  DType dtype = DType::F32;
  Shape shape;
  Shape strides;

  BasicView() = default;
  BasicView(Void* d, DType t, const Shape& s, const Shape& st) : data(d), dtype(t), shape(s), strides(st) {}
  template <class Other>
  BasicView(const BasicView<Other>& o) : data(o.data), dtype(o.dtype), shape(o.shape), strides(o.strides) {}

  int64_t dim(int i) const { return shape[i]; }
  int64_t columns() const { return shape.rank() == 0 ? 1 : shape.back(); }
  int64_t rows() const { return columns() == 0 ? 0 : shape.numel() / columns(); }  ///< all leading dimensions together
  bool empty() const { return data == nullptr; }

  /// Elements from `data` to row i of the leading dimensions taken together.
  int64_t row_offset(int64_t i) const {
    int64_t offset = 0;
    for (int d = shape.rank() - 2; d >= 0; --d) {
      offset += i % shape[d] * strides[d];
      i /= shape[d];
    }
    return offset;
  }
  /// Row i as an array of T. REQUIRES: T is the element type (plain dtypes only).
  template <class T = float>
  auto* row(int64_t i) const {
    using Pointer = std::conditional_t<std::is_const_v<Void>, const T, T>*;
    return static_cast<Pointer>(data) + row_offset(i);
  }
};

using View = BasicView<void>;
using ConstView = BasicView<const void>;

}  // namespace dure

#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tensor/device.h"
#include "tensor/view.h"

namespace dure {

struct Node;  // ops/tape.h: how a tensor was made, kept while a gradient may flow

/// A shared handle to an array on a device. Copying the handle never copies data; views share memory.
/// Quantised tensors are rows of blocks and can be cut along the first dimension only.
/// Not synchronised: one thread builds and runs a graph.
class Tensor {
 public:
  Tensor() = default;  ///< no tensor; defined() is false

  /// Uninitialised, contiguous. Throws Error if a row is not a whole number of the dtype's blocks.
  static Tensor empty(Device& device, DType dtype, const Shape& shape);
  static Tensor zeros(Device& device, DType dtype, const Shape& shape);
  static Tensor like(const Tensor& other) { return empty(other.device(), other.dtype(), other.shape()); }
  static Tensor from(Device& device, std::span<const float> values, const Shape& shape);
  static Tensor from(Device& device, std::span<const int> values);  // I32 [n]
  /// Memory that somebody else owns, such as a mapped file; `owner` is kept as long as a view lives. Never written.
  static Tensor wrap(Device& device, DType dtype, const Shape& shape, const void* data,
                     std::shared_ptr<const void> owner);

  bool defined() const { return impl_ != nullptr; }
  DType dtype() const { return impl_->dtype; }
  const Shape& shape() const { return impl_->shape; }
  int64_t dim(int i) const { return impl_->shape[i]; }
  int64_t numel() const { return impl_->shape.numel(); }
  int64_t bytes() const;
  bool contiguous() const;
  Device& device() const { return *impl_->device; }
  View view() const { return {impl_->data, impl_->dtype, impl_->shape, impl_->strides}; }
  /// Elements of a contiguous tensor. REQUIRES: T is the element type.
  template <class T = float>
  std::span<T> data() const {
    return {static_cast<T*>(impl_->data), static_cast<size_t>(numel())};
  }
  std::vector<float> to_floats() const;  ///< every element, dequantised

  /// The same memory seen with another shape; no gradient flows (ops/view.h has the differentiable views).
  /// `offset` is in elements; for quantised dtypes a multiple of the row.
  Tensor alias(const Shape& shape, const Shape& strides, int64_t offset) const;
  Tensor alias(const Shape& shape) const;           ///< REQUIRES: contiguous, same number of elements
  Tensor rows(int64_t begin, int64_t count) const;  ///< [begin, begin + count) of the first dimension

  bool requires_grad() const { return impl_ && impl_->requires_grad; }
  void set_requires_grad(bool on) { impl_->requires_grad = on; }
  Tensor grad() const { return impl_->grad ? *impl_->grad : Tensor(); }
  void set_grad(Tensor grad) { impl_->grad = std::make_unique<Tensor>(std::move(grad)); }
  void clear_grad() { impl_->grad.reset(); }
  const std::shared_ptr<Node>& node() const { return impl_->node; }
  void set_node(std::shared_ptr<Node> node) { impl_->node = std::move(node); }
  bool same(const Tensor& other) const { return impl_ == other.impl_; }
  bool unique() const { return impl_.use_count() == 1; }  ///< whether this is the only handle
  const void* id() const { return impl_.get(); }          ///< identity of the handle's array, for maps

 private:
  struct Impl {
    Device* device = nullptr;
    DType dtype = DType::F32;
    Shape shape, strides;
    void* data = nullptr;
    std::shared_ptr<const void> owner;
    bool requires_grad = false;
    std::unique_ptr<Tensor> grad;
    std::shared_ptr<Node> node;
  };
  std::shared_ptr<Impl> impl_;
};

/// Strides of a contiguous tensor.
Shape contiguous_strides(const Shape& shape);

}  // namespace dure

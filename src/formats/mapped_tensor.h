#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "tensor/tensor.h"

namespace dure {

/// A tensor over bytes of a file, kept alive by `owner`; over a copy of them where their address does not suit the
/// dtype. REQUIRES: bytes.size() is what dtype and shape take.
Tensor mapped_tensor(Device& device, DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                     const std::shared_ptr<const void>& owner);

}  // namespace dure

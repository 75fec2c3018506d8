#include "formats/mapped_tensor.h"

#include <cstring>

namespace dure {

Tensor mapped_tensor(Device& device, DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                     const std::shared_ptr<const void>& owner) {
  const DTypeInfo& type = info(dtype);
  const size_t alignment = type.block == 1 ? static_cast<size_t>(type.block_bytes) : sizeof(uint16_t);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0)
    return Tensor::wrap(device, dtype, shape, bytes.data(), owner);
  std::shared_ptr<void> copy = device.allocate(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  const void* address = copy.get();
  return Tensor::wrap(device, dtype, shape, address, std::move(copy));
}

}  // namespace dure

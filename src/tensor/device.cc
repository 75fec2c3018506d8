#include "tensor/device.h"

#include <cstdlib>

#include "base/error.h"

namespace dure {

std::shared_ptr<void> Device::allocate(size_t bytes) const {
  constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  require(data != nullptr, "out of memory: {} bytes for a tensor", bytes);
  return {data, std::free};
}

}  // namespace dure

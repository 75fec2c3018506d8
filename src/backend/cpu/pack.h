#pragma once

#include <memory>
#include <mutex>

#include "backend/cpu/panel.h"
#include "base/threads.h"
#include "tensor/tensor.h"

namespace dure {

/// Memory for panels, in pieces large enough for huge pages. A piece goes when the last weight in it does.
class PanelMemory {
 public:
  std::shared_ptr<uint8_t> take(int64_t bytes);

 private:
  std::mutex mutex_;
  std::shared_ptr<uint8_t> piece_;
  int64_t size_ = 0, used_ = 0;
};

/// A weight [N, K] in panels; null if its dtype has none. `scale` is that of Weight. REQUIRES: contiguous rows.
std::shared_ptr<const cpu::PanelRows> pack_panels(const Tensor& data, const Tensor& scale, PanelMemory& memory,
                                                  ThreadPool& threads);

}  // namespace dure

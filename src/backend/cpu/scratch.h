#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace dure {

/// Working memory of kernels, kept between calls: a piece of a loop borrows a buffer and gives it back. Any thread.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Uninitialised floats, 64-byte aligned, given back when this goes away.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept = default;
    Buffer& operator=(Buffer&& other) noexcept = default;
    ~Buffer() {
      if (block_.data) owner_->give_back(std::move(block_));
    }
    float* data() const { return block_.data.get(); }

   private:
    friend class Scratch;
    struct Free {
      void operator()(float* p) const { std::free(p); }
    };
    struct Block {
      std::unique_ptr<float, Free> data;
      size_t floats = 0;
    };
    Buffer(Scratch* owner, Block block) : owner_(owner), block_(std::move(block)) {}

    Scratch* owner_ = nullptr;
    Block block_;
  };

  Buffer take(int64_t count) {
    const size_t floats = (static_cast<size_t>(count) + 16) / 16 * 16;
    {
      const std::lock_guard lock(mutex_);
      auto best = free_.end();
      for (auto block = free_.begin(); block != free_.end(); ++block)
        if (block->floats >= floats && (best == free_.end() || block->floats < best->floats)) best = block;
      if (best != free_.end()) {
        Buffer::Block block = std::move(*best);
        free_.erase(best);
        return {this, std::move(block)};
      }
    }
    auto* data = static_cast<float*>(std::aligned_alloc(64, floats * sizeof(float)));
    require(data != nullptr, "out of memory: {} bytes of working memory", floats * sizeof(float));
    return {this, {std::unique_ptr<float, Buffer::Free>(data), floats}};
  }

 private:
  static constexpr size_t kKept = 32;                    // buffers
  static constexpr size_t kKeptFloats = (32 << 20) / 4;  // of one buffer: what a long prompt needs goes back

  void give_back(Buffer::Block block) {
    if (block.floats > kKeptFloats) return;
    const std::lock_guard lock(mutex_);
    if (free_.size() >= kKept)  // the smallest is the cheapest to make again
      free_.erase(std::min_element(free_.begin(), free_.end(), [](auto& a, auto& b) { return a.floats < b.floats; }));
    free_.push_back(std::move(block));
  }

  std::mutex mutex_;
  std::vector<Buffer::Block> free_;
};

}  // namespace dure

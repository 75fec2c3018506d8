#pragma once

#include <cstddef>
#include <memory>

#include "base/threads.h"

namespace dure {

class Backend;

/// Where tensors live and who computes on them: memory, threads and a Backend. Tensors keep a pointer to their device,
/// so it outlives them. Made by make_device() in backend/registry.h.
class Device {
 public:
  Device(std::shared_ptr<ThreadPool> threads, std::shared_ptr<Backend> backend)
      : threads_(std::move(threads)), backend_(std::move(backend)) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  ThreadPool& threads() const { return *threads_; }
  Backend& backend() const { return *backend_; }

  /// Uninitialised memory, 64-byte aligned. Throws Error when there is none left.
  std::shared_ptr<void> allocate(size_t bytes) const;

 private:
  std::shared_ptr<ThreadPool> threads_;
  std::shared_ptr<Backend> backend_;
};

}  // namespace dure

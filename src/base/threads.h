#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace dure {

/// A fixed team of threads for fork-join loops. The caller works too, so ThreadPool(1) starts no thread at all.
/// Between loops the workers spin briefly, then sleep: an idle program uses no CPU.
/// One loop at a time: parallel_for may be called from one thread at once, and not from inside a loop body.
class ThreadPool {
 public:
  /// threads <= 0: one per CPU that this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  /// Calls body(begin, end) over consecutive pieces of [0, count), `grain` items each (the last may be shorter). Pieces
  /// depend on count and grain only, never on the number of threads; which thread takes one is left open.
  /// An exception from a body is rethrown here, once all threads have stopped.
  void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure

#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"

namespace dure {
namespace {

constexpr int kSpins = 2000;  // about 20 to 100 us: longer than the serial part between two loops of a layer

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

int usable_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;

  // One loop. Written by the caller while nobody is inside, read by the workers that have entered.
  const std::function<void(int64_t, int64_t)>* body = nullptr;
  int64_t count = 0, grain = 1;
  std::atomic<int64_t> next{0};
  std::exception_ptr error;  // guarded by mutex
  std::atomic<bool> stop{false};

  // Number of the loop in the upper half; below it whether the loop is closed, and how many workers are inside. Workers
  // enter open loops only, so the caller never waits for one that was asleep until all the work was done.
  static constexpr uint64_t kLoop = uint64_t{1} << 32, kClosed = uint64_t{1} << 31, kInside = kClosed - 1;
  std::atomic<uint64_t> gate{kClosed};

  uint64_t loop() const { return gate.load(std::memory_order_acquire) / kLoop; }

  void take_pieces() {
    try {
      for (int64_t begin; (begin = next.fetch_add(grain, std::memory_order_relaxed)) < count;)
        (*body)(begin, std::min(begin + grain, count));
    } catch (...) {
      next.store(count, std::memory_order_relaxed);
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }

  void work() {
    uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < kSpins && loop() == seen; ++i) pause();
      if (loop() == seen) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return loop() != seen; });
      }
      if (stop.load(std::memory_order_relaxed)) return;
      uint64_t now = gate.load(std::memory_order_acquire);
      while ((now & kClosed) == 0 && !gate.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) {}
      seen = now / kLoop;
      if ((now & kClosed) != 0) continue;
      take_pieces();
      gate.fetch_sub(1, std::memory_order_release);
    }
  }

  void open() {
    const std::lock_guard lock(mutex);  // so that no worker misses it between its test and its sleep
    gate.store((loop() + 1) * kLoop, std::memory_order_release);
  }

  /// REQUIRES: every piece is taken.
  void close() {
    gate.fetch_or(kClosed, std::memory_order_acq_rel);
    for (int i = 0; (gate.load(std::memory_order_acquire) & kInside) != 0; ++i) {
      if (i < kSpins) {
        pause();
      } else {
        std::this_thread::yield();  // more threads than CPUs: let the last one finish
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = usable_cpus();
  require(threads <= 1024, "threads: expected at most 1024, found {}", threads);
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
  state_->stop = true;
  state_->open();
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::size() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  State& s = *state_;
  if (s.workers.empty() || count <= grain) {
    for (int64_t begin = 0; begin < count; begin += grain) body(begin, std::min(begin + grain, count));
    return;
  }
  s.body = &body;
  s.count = count;
  s.grain = grain;
  s.next = 0;
  s.open();
  s.wake.notify_all();
  s.take_pieces();
  s.close();
  if (s.error) std::rethrow_exception(std::exchange(s.error, nullptr));
}

}  // namespace dure

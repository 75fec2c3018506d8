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

  // One loop. Written by the caller before `generation` rises, read by the workers after they have seen it rise.
  const std::function<void(int64_t, int64_t)>* body = nullptr;
  int64_t count = 0, grain = 1;
  std::atomic<int64_t> next{0};
  std::atomic<int> running{0};
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> stop{false};
  std::exception_ptr error;  // guarded by mutex

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
      for (int i = 0; i < kSpins && generation.load(std::memory_order_acquire) == seen; ++i) pause();
      if (generation.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
      }
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      take_pieces();
      running.fetch_sub(1, std::memory_order_release);
    }
  }

  void start() {
    const std::lock_guard lock(mutex);  // so that no worker misses it between its test and its sleep
    generation.fetch_add(1, std::memory_order_release);
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = usable_cpus();
  require(threads <= 1024, "threads: expected at most 1024, found {}", threads);
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
  state_->stop = true;
  state_->start();
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
  s.running = static_cast<int>(s.workers.size());
  s.start();
  s.wake.notify_all();
  s.take_pieces();
  while (s.running.load(std::memory_order_acquire) > 0) pause();
  if (s.error) std::rethrow_exception(std::exchange(s.error, nullptr));
}

}  // namespace dure

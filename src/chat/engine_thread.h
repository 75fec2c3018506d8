#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"

namespace dure {

/// Runs an engine on a thread of its own: it steps while there is work, and sleeps while there is none. Thread-safe.
class EngineThread {
 public:
  explicit EngineThread(std::unique_ptr<Engine> engine);
  /// After the step that runs and whatever was posted before; requests that are left hear no more.
  ~EngineThread() { stop(); }
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  /// What the destructor does. Tasks that are posted later are dropped. REQUIRES: another thread than its own.
  void stop();

  bool is_this() const { return std::this_thread::get_id() == thread_.get_id(); }

  /// Does something with the engine between two steps, in the order of the calls. It must not throw.
  void post(std::function<void(Engine&)> task);

  /// The same, and waits for what it gives back; what it throws is passed on. REQUIRES: another thread than its own.
  template <class Task>
  auto ask(Task task) -> decltype(task(std::declval<Engine&>())) {
    using Result = decltype(task(std::declval<Engine&>()));
    auto packed = std::make_shared<std::packaged_task<Result(Engine&)>>(std::move(task));
    std::future<Result> result = packed->get_future();
    post([packed](Engine& engine) { (*packed)(engine); });
    return result.get();
  }

  /// As of the last step: never waits for one.
  EngineStats stats() const;

 private:
  void run();

  std::unique_ptr<Engine> engine_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void(Engine&)>> tasks_;
  EngineStats stats_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace dure

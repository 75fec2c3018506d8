#include "chat/engine_thread.h"

#include <utility>

namespace dure {

EngineThread::EngineThread(std::unique_ptr<Engine> engine)
    : engine_(std::move(engine)), stats_(engine_->stats()), thread_([this] { run(); }) {}

void EngineThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void EngineThread::post(std::function<void(Engine&)> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

EngineStats EngineThread::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void EngineThread::run() {
  for (bool more = false;;) {
    std::vector<std::function<void(Engine&)>> tasks;
    {
      std::unique_lock lock(mutex_);
      stats_ = engine_->stats();
      wake_.wait(lock, [&] { return more || stopping_ || !tasks_.empty(); });
      tasks.swap(tasks_);
      if (stopping_ && tasks.empty()) break;
    }
    for (const auto& task : tasks) task(*engine_);
    more = engine_->step();
  }
  engine_.reset();  // here, where callbacks of its requests expect to be let go
}

}  // namespace dure

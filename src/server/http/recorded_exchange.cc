#include "server/http/recorded_exchange.h"

namespace dure {

void RecordedExchange::send(HttpResponse response) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::fresh) return;
  response_ = std::move(response);
  state_ = State::ended;
  callback_ = nullptr;
}

void RecordedExchange::start(int status, HttpHeaders headers) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::fresh) return;
  response_ = {status, std::move(headers), {}};
  state_ = State::streaming;
}

void RecordedExchange::keep_waiting(std::chrono::milliseconds, WaitingForm form) {
  const std::lock_guard lock(mutex_);
  waiting_ = std::move(form);
}

WaitingForm RecordedExchange::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void RecordedExchange::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::streaming && !closed_) response_.body += bytes;
}

void RecordedExchange::end() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::streaming) return;
  state_ = State::ended;
  callback_ = nullptr;
}

bool RecordedExchange::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void RecordedExchange::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::ended) return;
    if (!closed_) {
      callback_ = std::move(callback);
      return;
    }
  }
  callback();
}

void RecordedExchange::close() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::ended || closed_) return;
    closed_ = true;
    callback = std::exchange(callback_, nullptr);
  }
  if (callback) callback();
}

bool RecordedExchange::ended() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::ended;
}

HttpResponse RecordedExchange::response() const {
  const std::lock_guard lock(mutex_);
  return response_;
}

}  // namespace dure

#include "server/http/exchange_channel.h"

#include <fmt/format.h>

namespace dure {

void ExchangeChannel::wake() {
  if (std::exchange(woken_, true) || !wake_) return;
  wake_();
}

void ExchangeChannel::send(HttpResponse response) {
  std::function<void()> dropped;  // what a callback holds may be much: not under the lock
  const std::lock_guard lock(mutex_);
  if (state_ == State::streaming && waiting_) {
    if (response.status == 200 || waiting_->tells_errors)
      batch_.bytes += waiting_->before + response.body + waiting_->after;
    else
      broken_ = true;  // the client was told 200
  } else if (state_ == State::fresh) {
    batch_.head = std::move(response);
    batch_.whole = true;
  } else {
    return;
  }
  state_ = State::ended;
  batch_.ended = true;
  dropped = std::exchange(on_close_, nullptr);
  wake();
}

void ExchangeChannel::start(int status, HttpHeaders headers) {
  const std::lock_guard lock(mutex_);
  waiting_.reset();
  if (state_ != State::fresh) return;
  state_ = State::streaming;
  batch_.head = HttpResponse{status, std::move(headers)};
  wake();
}

void ExchangeChannel::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  append(bytes);
}

void ExchangeChannel::append(std::string_view bytes) {
  if (state_ != State::streaming || !wake_ || broken_ || bytes.empty()) return;
  if (batch_.bytes.size() >= queued_bytes_)
    broken_ = true;
  else
    batch_.bytes += bytes;
  wake();
}

void ExchangeChannel::end() {
  std::function<void()> dropped;
  const std::lock_guard lock(mutex_);
  if (state_ != State::streaming) return;
  state_ = State::ended;
  batch_.ended = true;
  dropped = std::exchange(on_close_, nullptr);
  wake();
}

bool ExchangeChannel::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || broken_;
}

bool ExchangeChannel::answered() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::ended || !wake_;
}

void ExchangeChannel::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::ended) return;
    if (!closed_) {
      on_close_.swap(callback);
      return;
    }
  }
  callback();
}

void ExchangeChannel::keep_alive(std::string bytes, std::chrono::milliseconds silence) {
  const std::lock_guard lock(mutex_);
  keep_alive_ = std::move(bytes);
  silence_ = silence;
  wake();
}

void ExchangeChannel::keep_waiting(std::chrono::milliseconds silence, WaitingForm form) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::fresh) return;
  keep_alive_ = form.bytes;
  waiting_ = std::move(form);
  silence_ = silence;
  wake();
}

void ExchangeChannel::drop() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::ended) return;
  state_ = State::ended;
  broken_ = true;
  wake();
}

ExchangeChannel::Batch ExchangeChannel::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  return std::exchange(batch_, {});
}

bool ExchangeChannel::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

std::chrono::milliseconds ExchangeChannel::silence() const {
  const std::lock_guard lock(mutex_);
  const bool quiet = state_ == State::streaming || (state_ == State::fresh && waiting_);
  return quiet ? silence_ : std::chrono::milliseconds(0);
}

void ExchangeChannel::break_silence() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::fresh && waiting_) {
    state_ = State::streaming;
    batch_.head = HttpResponse{200, waiting_->headers};
  }
  append(keep_alive_);
}

void ExchangeChannel::close() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true) || state_ == State::ended) return;
    callback = std::exchange(on_close_, nullptr);
  }
  if (callback) callback();
}

void ExchangeChannel::detach() {
  std::function<void()> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped = std::exchange(wake_, nullptr);
    batch_ = {};
  }
  close();
}

namespace {

class ChannelExchange : public Exchange {
 public:
  ChannelExchange(HttpRequest request, ErrorFormat errors, std::shared_ptr<ExchangeChannel> channel)
      : Exchange(std::move(request), std::move(errors)), channel_(std::move(channel)) {}

  ~ChannelExchange() override {
    try {
      // Refused by the channel if an answer has begun.
      send_error(
          HttpError(500, "server_error", "no_answer", fmt::format("no answer was made; request {}", request().id)));
    } catch (...) {}
    channel_->drop();
  }

  void send(HttpResponse response) override { channel_->send(std::move(response)); }
  void start(int status, HttpHeaders headers) override { channel_->start(status, std::move(headers)); }
  void write(std::string_view bytes) override { channel_->write(bytes); }
  void end() override { channel_->end(); }
  bool closed() const override { return channel_->closed(); }
  void on_close(std::function<void()> callback) override { channel_->on_close(std::move(callback)); }
  void keep_alive(std::string bytes, std::chrono::milliseconds silence) override {
    channel_->keep_alive(std::move(bytes), silence);
  }
  using Exchange::keep_waiting;
  void keep_waiting(std::chrono::milliseconds silence, WaitingForm form) override {
    channel_->keep_waiting(silence, std::move(form));
  }

 private:
  std::shared_ptr<ExchangeChannel> channel_;
};

}  // namespace

std::shared_ptr<Exchange> make_exchange(HttpRequest request, ErrorFormat errors,
                                        std::shared_ptr<ExchangeChannel> channel) {
  return std::make_shared<ChannelExchange>(std::move(request), std::move(errors), std::move(channel));
}

}  // namespace dure

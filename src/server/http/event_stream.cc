#include "server/http/event_stream.h"

#include "base/error.h"

namespace dure {

SseStream::SseStream(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds silence)
    : exchange_(std::move(exchange)), silence_(silence) {}

void SseStream::start() {
  if (started_) return;
  started_ = true;
  // Proxies must neither keep nor collect what is meant for now.
  exchange_->start(200, {{"content-type", "text/event-stream; charset=utf-8"},
                         {"cache-control", "no-cache"},
                         {"x-accel-buffering", "no"}});
  exchange_->keep_alive(": keep-alive\n\n", silence_);
}

void SseStream::event(std::string_view data) {
  start();
  exchange_->write(fmt::format("data: {}\n\n", data));
}

void SseStream::event(std::string_view name, std::string_view data) {
  start();
  exchange_->write(fmt::format("event: {}\ndata: {}\n\n", name, data));
}

void SseStream::comment(std::string_view text) {
  start();
  exchange_->write(fmt::format(": {}\n\n", text));
}

void SseStream::end() {
  start();
  exchange_->end();
}

void SseStream::done() {
  event("[DONE]");
  end();
}

void NdjsonStream::start() {
  if (started_) return;
  started_ = true;
  exchange_->start(200, {{"content-type", "application/x-ndjson"}, {"cache-control", "no-cache"}});
  exchange_->keep_alive(" ", silence_);
}

void NdjsonStream::line(std::string_view json) {
  start();
  exchange_->write(fmt::format("{}\n", json));
}

void NdjsonStream::end() {
  start();
  exchange_->end();
}

}  // namespace dure

#include "server/http/event_stream.h"

#include "base/error.h"

namespace dure {
namespace {

constexpr const char *kComment = ": keep-alive\n\n", *kSpace = " ";

HttpHeaders sse_headers() {
  // Proxies must neither keep nor collect what is meant for now.
  return {
      {"content-type", "text/event-stream; charset=utf-8"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
}

HttpHeaders ndjson_headers() { return {{"content-type", "application/x-ndjson"}, {"cache-control", "no-cache"}}; }

}  // namespace

SseStream::SseStream(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds silence)
    : exchange_(std::move(exchange)), silence_(silence) {}

void SseStream::expect(Exchange& exchange, std::string_view error_event, std::chrono::milliseconds silence) {
  const std::string name = error_event.empty() ? std::string() : fmt::format("event: {}\n", error_event);
  exchange.keep_waiting(silence, {sse_headers(), kComment, name + "data: ", "\n\n", true});
}

void SseStream::start() {
  if (started_) return;
  started_ = true;
  exchange_->start(200, sse_headers());
  exchange_->keep_alive(kComment, silence_);
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

void NdjsonStream::expect(Exchange& exchange, std::chrono::milliseconds silence) {
  exchange.keep_waiting(silence, {ndjson_headers(), kSpace, "", "\n", true});
}

void NdjsonStream::start() {
  if (started_) return;
  started_ = true;
  exchange_->start(200, ndjson_headers());
  exchange_->keep_alive(kSpace, silence_);
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

#include "server/http/connection.h"

#include <boost/asio/post.hpp>

#include <algorithm>

#include "base/error.h"
#include "server/http/request_id.h"
#include "server/http/response_head.h"

namespace dure {
namespace {

constexpr size_t kIdleRead = 4 << 10, kBodyRead = 64 << 10;
constexpr size_t kPipelined = 64 << 10;     // bytes of later requests that are taken while one is answered
constexpr size_t kSkippedBody = 256 << 10;  // a rejected request's body is read up to this; then the connection ends
constexpr std::chrono::seconds kLinger{2};

std::string remote_address(ByteStream::Socket& socket) {
  ByteStream::Error error;
  boost::asio::ip::address address = socket.remote_endpoint(error).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return error ? std::string() : address.to_string();
}

/// Nothing may leave the thread's function, so an exchange that cannot be told the error is dropped without an answer.
void on_exception(const HttpCore& core, Exchange& exchange, const std::exception_ptr& thrown) {
  try {
    const HttpError error = to_http_error(thrown, exchange.request().id);
    exchange.send_error(error);
    if (error.status == 500 && core.options.problem) std::rethrow_exception(thrown);
  } catch (const std::exception& problem) {
    if (core.options.problem) core.options.problem(exchange.request().id, problem.what());
  } catch (...) {}
}

HttpError busy(const char* code, const char* message) {
  return {503, "server_error", code, message, {}, {{"retry-after", "5"}}};
}

}  // namespace

Connection::Connection(HttpCore& core, std::unique_ptr<ByteStream> stream)
    : core_(core),
      stream_(std::move(stream)),
      remote_(remote_address(stream_->socket())),
      read_timer_(stream_->socket().get_executor()),
      write_timer_(stream_->socket().get_executor()),
      silence_timer_(stream_->socket().get_executor()) {}

void Connection::run() {
  if (phase_ == Phase::closed) return;
  arm(read_timer_, core_.options.limits.header, &Connection::close);
  stream_->handshake([self = shared_from_this()](const ByteStream::Error& error) {
    if (self->phase_ != Phase::handshake) return;
    if (error) return self->close();
    self->next_request();
  });
}

void Connection::refuse() {
  // A client that waits for TLS would not understand; it sees the connection end.
  if (core_.tls || phase_ == Phase::closed) return close();
  close_after_ = true;
  common_headers_ = {{"x-request-id", request_id({})}};
  open_channel();
  channel_->send(openai_error(busy("overloaded", "too many connections; try again later")));
}

void Connection::stop() {
  boost::asio::post(stream_->socket().get_executor(), [self = shared_from_this()] {
    self->close_after_ = true;
    if (self->phase_ == Phase::idle || self->phase_ == Phase::handshake) self->close();
  });
}

void Connection::abort() {
  boost::asio::post(stream_->socket().get_executor(), [self = shared_from_this()] { self->close(); });
}

// Reading ---------------------------------------------------------------------------------------------------------

void Connection::next_request() {
  reader_.emplace(core_.options.limits.header_bytes);
  phase_ = Phase::idle;
  if (core_.stopping) return close();
  if (!input_.empty()) return advance();
  input_ = {};  // gives back what a large body needed
  if (end_of_input_) return close();
  arm(read_timer_, core_.options.limits.idle, &Connection::close);
  read();
}

void Connection::read() {
  if (reading_ || end_of_input_) return;
  reading_ = true;
  const size_t size = phase_ == Phase::body ? kBodyRead : kIdleRead;
  if (incoming_.size() != size) incoming_ = std::string(size, '\0');
  stream_->read({incoming_.data(), incoming_.size()},
                [self = shared_from_this()](const ByteStream::Error& error, size_t bytes) {
                  self->input_.append(self->incoming_, 0, bytes);
                  self->on_read(error, bytes);
                });
}

void Connection::on_read(const ByteStream::Error& error, size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::closed) return;
  if (error) return on_end_of_input();
  if (phase_ == Phase::lingering) {
    drained_ += bytes;
    input_.clear();
    return drained_ > kSkippedBody ? close() : read();
  }
  if (phase_ == Phase::answering) {
    if (input_.size() < kPipelined) read();
    return;
  }
  advance();
}

void Connection::on_end_of_input() {
  end_of_input_ = true;
  // A client that closes and one that only sends no more look the same. It is told nobody waits, and gets what comes.
  if (phase_ == Phase::answering) return channel_->close();
  close();
}

void Connection::advance() {
  if (phase_ == Phase::idle) {
    phase_ = Phase::header;
    arm(read_timer_, core_.options.limits.header, &Connection::close);
  }
  try {
    for (;;) {
      switch (reader_->feed(input_)) {
        case RequestReader::Progress::header:
          if (!on_header()) return on_request();
          break;
        case RequestReader::Progress::done: return on_request();
        case RequestReader::Progress::more:
          if (phase_ == Phase::body) arm(read_timer_, core_.options.limits.upload, &Connection::close);
          return end_of_input_ ? close() : read();
      }
    }
  } catch (const HttpError& error) {
    on_bad_request(error);
  } catch (const std::exception&) {  // no memory, or a protocol's way to write errors
    close();
  }
}

bool Connection::on_header() {
  HttpRequest& request = reader_->request();
  phase_ = Phase::body;
  asked_ = Clock::now();
  request.id = request_id(request.headers.get("x-request-id"));
  request.remote = remote_;
  record_ = {request.id, remote_, request.head ? "HEAD" : request.method, request.path};
  common_headers_ = core_.options.access.cors_headers(request);
  common_headers_.set("x-request-id", request.id);
  head_ = request.head;
  http10_ = request.minor == 0;
  close_after_ = !reader_->keep_alive() || core_.stopping;
  ++core_.requests;

  rejection_ = rejection(request);
  if (rejection_ && (reader_->expects_continue() || !reader_->body_within(kSkippedBody))) {
    close_after_ = true;
    return false;
  }
  if (rejection_) return true;
  const size_t allowed = core_.options.limits.body_bytes;
  reader_->limit_body(route_ && route_->options.max_body > 0 ? route_->options.max_body : allowed);
  if (reader_->expects_continue() && input_.empty() && !writing_) write("HTTP/1.1 100 Continue\r\n\r\n");
  return true;
}

/// The answer to a request that no handler is to see. Sets route_.
std::optional<HttpResponse> Connection::rejection(HttpRequest& request) {
  const AccessRules& access = core_.options.access;
  route_ = nullptr;
  try {
    if (core_.stopping) throw busy("stopping", "the server is being stopped");
    access.check_origin(request);
    if (auto preflight = access.preflight(request)) return preflight;
    std::string allowed;
    route_ = core_.router.find(request, allowed);
    if (route_) {
      if (route_->options.needs_key) access.check_key(request);
      return std::nullopt;
    }
    if (request.method == "OPTIONS" && (!allowed.empty() || request.path.empty())) {
      return HttpResponse{204, {{"allow", allowed + (allowed.empty() ? "OPTIONS" : ", OPTIONS")}}};
    }
    if (allowed.empty()) throw not_found("no such path: " + quote(request.path, 200));
    throw HttpError(405, "invalid_request_error", "method_not_allowed",
                    fmt::format("{} is not allowed here, but {}", quote(request.method), allowed), {},
                    {{"allow", allowed}});
  } catch (const HttpError& error) {
    return (route_ ? route_->options.errors : core_.router.errors(request))(error);
  }
}

void Connection::on_request() {
  disarm(read_timer_);
  open_channel();
  if (input_.size() < kPipelined) read();  // notices that the client leaves
  if (rejection_) return channel_->send(*std::exchange(rejection_, std::nullopt));
  if (end_of_input_) channel_->close();
  dispatch(std::move(reader_->request()));
}

/// The rest of what the client sends cannot be told apart from a next request: the connection ends with the answer.
void Connection::on_bad_request(const HttpError& error) {
  close_after_ = true;
  HttpRequest& request = reader_->request();
  if (phase_ == Phase::header) {  // there is not even a whole header
    route_ = nullptr;
    request.id = request_id({});
    record_ = {request.id, remote_, request.method, request.path};
    common_headers_ = {{"x-request-id", request.id}};
    head_ = http10_ = false;
    asked_ = Clock::now();
    ++core_.requests;
  }
  disarm(read_timer_);
  open_channel();
  channel_->send((route_ ? route_->options.errors : core_.router.errors(request))(error));
}

// Answering -------------------------------------------------------------------------------------------------------

void Connection::open_channel() {
  phase_ = Phase::answering;
  answer_ended_ = false;
  ++core_.active;
  // The channel is told when this connection closes, before it goes; so the pointer lives as long as it is used.
  channel_ = std::make_shared<ExchangeChannel>(core_.options.limits.queued_bytes, [self = shared_from_this()] {
    boost::asio::post(self->stream_->socket().get_executor(), [self] { self->flush(); });
  });
}

void Connection::dispatch(HttpRequest request) {
  const Route& route = *route_;
  auto exchange = make_exchange(std::move(request), route.options.errors, channel_);
  auto run = [&core = core_, &route, channel = channel_, exchange = std::move(exchange)]() mutable {
    const auto held = std::exchange(exchange, nullptr);
    if (channel->answered()) return;  // the client left while this waited
    try {
      route.handler(held);
    } catch (...) {
      on_exception(core, *held, std::current_exception());
    }
  };
  if (route.options.light) return run();
  boost::asio::post(core_.workers, std::move(run));
}

void Connection::flush() {
  if (phase_ != Phase::answering || answer_ended_) return;
  if (channel_->broken()) return close();
  if (writing_) return;
  ExchangeChannel::Batch batch = channel_->take();
  std::string bytes;
  if (batch.head) {
    bytes = wire_head(*batch.head, batch.whole);
    record_.status = batch.head->status;
    if (batch.whole && !head_ && !is_bodiless(batch.head->status)) batch.bytes = std::move(batch.head->body);
  }
  if (head_ || is_bodiless(record_.status)) batch.bytes.clear();
  record_.bytes += batch.bytes.size();
  if (chunked_ && !batch.bytes.empty()) {
    bytes += fmt::format("{:x}\r\n", batch.bytes.size()) + batch.bytes + "\r\n";
  } else {
    bytes += batch.bytes;
  }
  if (batch.ended && chunked_) bytes += "0\r\n\r\n";
  answer_ended_ = batch.ended;
  if (!bytes.empty()) return write(std::move(bytes));
  if (answer_ended_) return answer_done(false);
  say_something();
}

std::string Connection::wire_head(const HttpResponse& head, bool whole) {
  Framing framing;
  close_after_ |= core_.stopping || (end_of_input_ && input_.empty());
  if (whole) {
    framing.length = head.body.size();
  } else if (http10_) {
    close_after_ = true;  // only the end of the connection tells the end of the answer
  } else {
    framing.chunked = true;
  }
  chunked_ = framing.chunked && !head_ && !is_bodiless(head.status);
  framing.close = close_after_;
  framing.say_keep_alive = http10_;
  HttpHeaders headers = head.headers;
  for (const auto& [name, value] : common_headers_) headers.add(name, value);
  return response_head(head.status, headers, framing);
}

void Connection::say_something() {
  if (phase_ != Phase::answering || writing_) return;
  const auto silence = channel_->silence();
  if (silence.count() <= 0) return;
  const auto waited =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - std::max(asked_, written_at_));
  if (waited < silence) return arm(silence_timer_, silence - waited, &Connection::say_something);
  channel_->break_silence();
}

void Connection::write(std::string bytes) {
  output_ = std::move(bytes);
  output_at_ = 0;
  writing_ = true;
  write_some();
}

void Connection::write_some() {
  arm(write_timer_, core_.options.limits.write, &Connection::close);
  stream_->write(
      {output_.data() + output_at_, output_.size() - output_at_},
      [self = shared_from_this()](const ByteStream::Error& error, size_t bytes) { self->on_written(error, bytes); });
}

void Connection::on_written(const ByteStream::Error& error, size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (error) return close();
  written_at_ = Clock::now();
  output_at_ += bytes;
  if (output_at_ < output_.size()) return write_some();
  disarm(write_timer_);
  writing_ = false;
  output_ = {};
  if (phase_ != Phase::answering) return;
  if (answer_ended_) return answer_done(false);
  flush();
}

void Connection::answer_done(bool aborted) {
  if (!channel_) return;
  std::exchange(channel_, nullptr)->detach();
  disarm(silence_timer_);
  --core_.active;
  record_.aborted = aborted;
  record_.seconds = std::chrono::duration<double>(Clock::now() - asked_).count();
  if (core_.options.log && !record_.id.empty()) core_.options.log(record_);
  if (aborted) return;
  if (close_after_) return linger();
  next_request();
}

// Ending ----------------------------------------------------------------------------------------------------------

/// Closing with unread bytes would reset the connection and may destroy the answer on its way.
void Connection::linger() {
  phase_ = Phase::lingering;
  if (end_of_input_) return close();
  arm(read_timer_, kLinger, &Connection::close);
  input_.clear();
  stream_->finish([self = shared_from_this()] {
    if (self->phase_ == Phase::lingering) self->read();
  });
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  const auto self = shared_from_this();
  for (Timer* timer : {&read_timer_, &write_timer_, &silence_timer_}) disarm(*timer);
  answer_done(true);
  stream_->close();
  core_.remove(self);
}

void Connection::arm(Timer& timer, std::chrono::milliseconds after, void (Connection::*then)()) {
  timer.expires_after(after);
  timer.async_wait([self = shared_from_this(), &timer, then](const ByteStream::Error& error) {
    // A timer that was set anew may have had this call under way already.
    if (!error && self->phase_ != Phase::closed && timer.expiry() <= Clock::now()) (self.get()->*then)();
  });
}

}  // namespace dure

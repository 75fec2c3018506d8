#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/http/exchange_channel.h"
#include "server/http/http_core.h"
#include "server/http/request_reader.h"

namespace dure {

/// One client's connection: its requests, one after the other. While an answer is made a read stays pending, so that a
/// client that leaves is noticed at once. Everything but stop() and abort() runs on the socket's executor.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpCore& core, std::unique_ptr<ByteStream> stream);

  void run();
  void refuse();  ///< 503: there are too many connections
  void stop();    ///< no further request; from any thread
  void abort();   ///< closes whatever goes on; from any thread

 private:
  enum class Phase { handshake, idle, header, body, answering, lingering, closed };
  using Clock = std::chrono::steady_clock;
  using Timer = boost::asio::steady_timer;

  // Reading.
  void next_request();
  void read();
  void on_read(const ByteStream::Error& error, size_t bytes);
  void advance();    ///< with what has been read
  bool on_header();  ///< whether the body is to be read
  std::optional<HttpResponse> rejection(HttpRequest& request);
  void on_request();
  void on_bad_request(const HttpError& error);
  void on_end_of_input();

  // Answering.
  void open_channel();
  void dispatch(HttpRequest request);
  void flush();
  std::string wire_head(const HttpResponse& head, bool whole);
  void say_something();  ///< into a long silence
  void write(std::string bytes);
  void write_some();
  void on_written(const ByteStream::Error& error, size_t bytes);
  void answer_done(bool aborted);

  // Ending.
  void linger();
  void close();

  void arm(Timer& timer, std::chrono::milliseconds after, void (Connection::*then)());
  static void disarm(Timer& timer) { timer.expires_at(Timer::time_point::max()); }

  HttpCore& core_;
  std::unique_ptr<ByteStream> stream_;
  std::string remote_;
  Phase phase_ = Phase::handshake;
  Timer read_timer_, write_timer_, silence_timer_;

  std::optional<RequestReader> reader_;
  std::string incoming_;  ///< what the pending read fills
  std::string input_;     ///< not used yet
  bool reading_ = false, end_of_input_ = false;
  size_t drained_ = 0;

  std::shared_ptr<ExchangeChannel> channel_;
  const Route* route_ = nullptr;
  std::optional<HttpResponse> rejection_;  ///< answered once the body has been read
  HttpHeaders common_headers_;             ///< of the answer
  AccessRecord record_;
  Clock::time_point asked_, written_at_;
  bool head_ = false, http10_ = false, close_after_ = false, chunked_ = false, answer_ended_ = false;

  std::string output_;
  size_t output_at_ = 0;
  bool writing_ = false;
};

}  // namespace dure

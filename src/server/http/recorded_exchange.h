#pragma once

#include <mutex>
#include <string>

#include "server/http/http.h"

namespace dure {

/// An exchange without a network: keeps the answer, so that handlers can be run in process (tests, fuzzing).
class RecordedExchange : public Exchange {
 public:
  explicit RecordedExchange(HttpRequest request, ErrorFormat errors = openai_error)
      : Exchange(std::move(request), std::move(errors)) {}

  void send(HttpResponse response) override;
  void start(int status, HttpHeaders headers) override;
  void write(std::string_view bytes) override;
  void end() override;
  bool closed() const override;
  void on_close(std::function<void()> callback) override;
  void keep_alive(std::string, std::chrono::milliseconds) override {}
  using Exchange::keep_waiting;
  void keep_waiting(std::chrono::milliseconds silence, WaitingForm form) override;

  void close();  ///< the client goes away
  bool ended() const;
  HttpResponse response() const;  ///< as far as it has come
  WaitingForm waiting() const;    ///< what would have been said before it

 private:
  enum class State { fresh, streaming, ended };

  mutable std::mutex mutex_;
  State state_ = State::fresh;
  bool closed_ = false;
  HttpResponse response_;
  WaitingForm waiting_;
  std::function<void()> callback_;
};

}  // namespace dure

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/http/http.h"

namespace dure {

/// Where the two ends of an exchange meet: the handler's side queues, on any thread; the connection takes, on its own.
/// Either may be gone first.
class ExchangeChannel {
 public:
  /// `wake` tells the connection that there is something to take; it must not block or call back.
  ExchangeChannel(size_t queued_bytes, std::function<void()> wake)
      : queued_bytes_(queued_bytes), wake_(std::move(wake)) {}

  // The handler's side: see Exchange.
  void send(HttpResponse response);
  void start(int status, HttpHeaders headers);
  void write(std::string_view bytes);
  void end();
  bool closed() const;
  bool answered() const;  ///< ended, or nobody listens any more
  void on_close(std::function<void()> callback);
  void keep_alive(std::string bytes, std::chrono::milliseconds silence);
  void keep_waiting(std::chrono::milliseconds silence, WaitingForm form);
  /// The handler gave up its end: a stream that has not ended never will.
  void drop();

  // The connection's side.
  struct Batch {
    std::optional<HttpResponse> head;  ///< once; a whole answer has its body in it
    bool whole = false;
    std::string bytes;  ///< of a stream
    bool ended = false;
  };
  /// All that has come since the last call.
  Batch take();
  bool broken() const;                        ///< the stream can no longer be delivered
  std::chrono::milliseconds silence() const;  ///< 0: none is to be broken
  void break_silence();
  void close();   ///< the client is gone: the handler hears of it; what it still sends may be taken
  void detach();  ///< the connection, too: nothing will be taken any more

 private:
  enum class State { fresh, streaming, ended };
  // REQUIRES: the lock.
  void wake();
  void append(std::string_view bytes);

  mutable std::mutex mutex_;
  const size_t queued_bytes_;
  std::function<void()> wake_;
  State state_ = State::fresh;
  bool woken_ = false, closed_ = false, broken_ = false;
  std::optional<WaitingForm> waiting_;  ///< until the answer begins: what breaks the silence
  Batch batch_;
  std::string keep_alive_;
  std::chrono::milliseconds silence_{0};
  std::function<void()> on_close_;
};

/// The exchange that a handler gets.
std::shared_ptr<Exchange> make_exchange(HttpRequest request, ErrorFormat errors,
                                        std::shared_ptr<ExchangeChannel> channel);

}  // namespace dure

#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "server/http/http.h"

namespace dure {

constexpr std::chrono::seconds kSseSilence{5};  ///< of NDJSON too

/// Server-sent events on an exchange. The status goes out with the first call of any method: until then an error can
/// still be a plain answer. Not for several threads at once.
class SseStream {
 public:
  /// `silence`: after so long without an event a comment says that the server lives.
  explicit SseStream(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds silence = kSseSilence);

  /// The answer will be such a stream, once its model is loaded: a client that has waited for `silence` gets the status
  /// and comments. What fails after that is an event, with this name if there is one.
  static void expect(Exchange& exchange, std::string_view error_event = {},
                     std::chrono::milliseconds silence = kSseSilence);

  void start();                                              ///< sends the status at once; clients give up on silence
  void event(std::string_view data);                         ///< REQUIRES: one line, as JSON is
  void event(std::string_view name, std::string_view data);  ///< with an "event:" line
  void comment(std::string_view text);                       ///< REQUIRES: one line
  void end();
  void done();  ///< "data: [DONE]" and the end

  bool started() const { return started_; }
  Exchange& exchange() { return *exchange_; }

 private:
  std::shared_ptr<Exchange> exchange_;
  std::chrono::milliseconds silence_;
  bool started_ = false;
};

/// One JSON text per line, as Ollama streams. The status goes out with the first call of any method.
class NdjsonStream {
 public:
  /// `silence`: after so long without a line a space says that the server lives. It stands before the next line's
  /// JSON, where every parser skips it; an empty line would be an error to those that parse each line.
  explicit NdjsonStream(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds silence = kSseSilence)
      : exchange_(std::move(exchange)), silence_(silence) {}

  /// See SseStream; what fails is a line.
  static void expect(Exchange& exchange, std::chrono::milliseconds silence = kSseSilence);

  void start();                      ///< sends the status at once; clients give up on silence
  void line(std::string_view json);  ///< REQUIRES: no newline in it
  void end();

  bool started() const { return started_; }
  Exchange& exchange() { return *exchange_; }

 private:
  std::shared_ptr<Exchange> exchange_;
  std::chrono::milliseconds silence_;
  bool started_ = false;
};

}  // namespace dure

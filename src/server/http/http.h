#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// Header fields in their order; a name may occur several times. Names are kept in lower case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  ///< in place of all of this name
  bool has(std::string_view name) const;                    ///< REQUIRES: a name in lower case; also below
  std::string_view get(std::string_view name) const;        ///< the first value; empty if there is none
  std::vector<std::string_view> all(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// One request with its whole body. Text of the target is decoded and valid UTF-8 without control characters.
struct HttpRequest {
  std::string id;                     ///< x-request-id of the answer, and of log lines
  std::string method;                 ///< "POST"; a HEAD request arrives as "GET" with `head` set
  std::string path;                   ///< "/v1/models/a/b": no empty, "." or ".." segments, none at the end
  std::vector<std::string> segments;  ///< of the path; only here does an encoded slash differ from a real one
  std::vector<std::pair<std::string, std::string>> query;  ///< in order
  std::map<std::string, std::string> parameters;           ///< from the route's pattern: {"id", "a/b"}
  HttpHeaders headers;
  std::string body;
  std::string remote;  ///< address of the client, without its port
  bool head = false;
  int minor = 1;  ///< HTTP/1.minor

  std::string_view parameter(const std::string& name) const;  ///< empty if the pattern has no such name
  bool has_query(std::string_view name) const;
  std::string_view query_value(std::string_view name) const;  ///< the first one; empty if there is none
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers = {};
  std::string body = {};
};

HttpResponse json_response(int status, const Json& body);
HttpResponse text_response(int status, std::string body, std::string_view type = "text/plain; charset=utf-8");

/// An answer that is an error. `type`, `code` and `param` are those of OpenAI's error object; other protocols
/// translate.
struct HttpError : std::runtime_error {
  HttpError(int status, std::string type, std::string code, const std::string& message, std::string param = {},
            HttpHeaders headers = {})
      : std::runtime_error(message),
        status(status),
        type(std::move(type)),
        code(std::move(code)),
        param(std::move(param)),
        headers(std::move(headers)) {}

  int status;
  std::string type, code, param;  ///< empty: null
  HttpHeaders headers;            ///< further ones, such as Retry-After
};

HttpError bad_request(const std::string& message, std::string param = {}, std::string code = "invalid_value");
HttpError not_found(const std::string& message, std::string code = "not_found");

/// How a protocol writes an error.
using ErrorFormat = std::function<HttpResponse(const HttpError&)>;
/// {"error":{"message","type","param","code"}}
HttpResponse openai_error(const HttpError& error);

/// What a caught exception means for a client: an HttpError as it is, a RequestError or an Error 400, anything else
/// 500, which names the request and says nothing of the inside.
HttpError to_http_error(const std::exception_ptr& error, std::string_view request_id);

/// How a client that waits for its answer to begin hears that the server lives: a status of 200 with `headers`, then
/// `bytes` again and again. The body of a send() that comes later stands between `before` and `after`.
struct WaitingForm {
  HttpHeaders headers = {{"content-type", "application/json"}};
  std::string bytes = "\n";
  std::string before = {}, after = {};
  bool tells_errors = false;  ///< else an error can only cut the connection: the client was told 200
};

/// One request and the way to answer it: send(), or start(), write()* and end(). Methods may be called from any thread
/// and never block: bytes are queued. After the end, or when the client is gone, they do nothing. An exchange that is
/// dropped without an answer becomes a 500; one that is dropped in mid-stream cuts the connection, so that the client
/// does not take a part for the whole.
class Exchange {
 public:
  virtual ~Exchange() = default;

  const HttpRequest& request() const { return request_; }

  virtual void send(HttpResponse response) = 0;
  virtual void start(int status, HttpHeaders headers) = 0;
  /// Delivered whole or not at all: nothing that keep_alive() says comes between its bytes.
  virtual void write(std::string_view bytes) = 0;
  virtual void end() = 0;

  /// The client went away before the end of the answer, or reads too slowly.
  virtual bool closed() const = 0;
  /// Called once when that happens, at once if it has already; dropped at the end. Runs on the network's thread: it may
  /// set a flag or cancel work, not wait. Keep no shared_ptr to this exchange in it.
  virtual void on_close(std::function<void()> callback) = 0;
  /// From start() to end(), `bytes` are sent after each `silence`.
  virtual void keep_alive(std::string bytes, std::chrono::milliseconds silence) = 0;
  /// For an answer that takes long to make: unless it begins within `silence`, what `form` says goes out after each
  /// `silence`, so that neither clients nor proxies give up. A start() finds its status sent.
  virtual void keep_waiting(std::chrono::milliseconds silence, WaitingForm form) = 0;
  /// The same for JSON: blank lines.
  void keep_waiting(std::chrono::milliseconds silence) { keep_waiting(silence, {}); }

  /// Answers in the format of the route's protocol; nothing if the answer has started.
  void send_error(const HttpError& error) { send(errors_(error)); }
  void send_error(const std::exception_ptr& error) { send_error(to_http_error(error, request_.id)); }
  HttpResponse error_response(const HttpError& error) const { return errors_(error); }

 protected:
  Exchange(HttpRequest request, ErrorFormat errors) : request_(std::move(request)), errors_(std::move(errors)) {}

 private:
  HttpRequest request_;
  ErrorFormat errors_;
};

/// Runs on a worker thread; may keep the exchange and answer later. What it throws is answered as to_http_error says.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace dure

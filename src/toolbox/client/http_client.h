#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// What a server answered to one request, or that it did not.
struct HttpReply {
  int status = 0;                              ///< 0: there was no answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string problem;                         ///< why the answer is missing or not whole; empty: it is whole
  bool problem_may_pass = false;               ///< worth another attempt: a connection, not a setting
  std::chrono::seconds retry_after{0};         ///< what the server asks to wait, 0 if it does not say

  bool ok() const { return problem.empty() && status >= 200 && status < 300; }
  bool redirects() const { return problem.empty() && status >= 300 && status < 400 && status != 304; }
  /// A broken connection, or a status that says "later": 408, 429, 500, 502, 503, 504.
  bool may_pass() const;
  /// Empty if there is no such header. REQUIRES: a name in lower case.
  std::string header(const std::string& name) const;
  /// "the server answers 503", or the problem.
  std::string what() const;
};

struct HttpCall {
  std::string url;
  std::vector<std::string> headers;
  /// Sees status and headers before the body. False: the body is not wanted, which is no problem.
  std::function<bool(const HttpReply&)> on_headers;
  std::function<void(std::string_view)> on_body;  ///< an exception ends the request and is thrown on by send()
  std::optional<std::string> post = {};           ///< a POST with this body; without one a GET
};

/// Whether to give everything up. Asked often, by several threads at once.
using StopCheck = std::function<bool()>;
/// Thrown by whoever waits when a StopCheck says so.
struct HttpStopped {};

/// One connection at a time, kept open between requests. Follows no redirects: who asks decides what a new host may
/// know. Proxies come from the environment as libcurl reads it, but none leads to this machine itself. Not for several
/// threads at once.
class HttpClient {
 public:
  /// `stall`: a connection that brings nothing for so long is given up.
  HttpClient(std::chrono::seconds stall, StopCheck stop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Throws HttpStopped, and what on_headers and on_body throw; everything else is in the reply.
  HttpReply send(const HttpCall& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure

#include "toolbox/client/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/version.h"
#include "toolbox/client/url.h"

namespace dure {
namespace {

constexpr size_t kMaxHeader = 16 << 10, kMaxHeaders = 200;
constexpr long kBufferBytes = 256 << 10, kConnectSeconds = 30;

/// libcurl's own global state; it is made once, before any thread can use it, and lives as long as the program.
void start_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  require(code == CURLE_OK, "libcurl does not start: {}", curl_easy_strerror(code));
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
  }
}

}  // namespace

bool HttpReply::may_pass() const {
  if (!problem.empty()) return problem_may_pass;
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string HttpReply::what() const {
  return !problem.empty() ? problem : fmt::format("the server answers {}", status);
}

struct HttpClient::State {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{nullptr, curl_easy_cleanup};
  StopCheck stop;

  // Of the request that runs.
  const HttpCall* request = nullptr;
  HttpReply reply;
  bool headers_seen = false, unwanted = false;
  std::exception_ptr thrown;

  template <typename T>
  void set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(curl.get(), option, value);
    require(code == CURLE_OK, "libcurl refuses an option: {}", curl_easy_strerror(code));
  }

  /// Keeps one line of the headers; a new status line begins anew (after "100 Continue", or a proxy's answer).
  void take_header(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
      reply.headers.clear();
      return;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos || line.size() > kMaxHeader || reply.headers.size() >= kMaxHeaders) return;
    std::string name(line.substr(0, colon));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    reply.headers[name] = value;
  }

  /// Shows the reply to whoever asked, once, when its headers are whole.
  bool headers_are_whole() {
    if (headers_seen) return !unwanted;
    headers_seen = true;
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &retry_after);
    reply.status = static_cast<int>(status);
    reply.retry_after = std::chrono::seconds(retry_after);
    unwanted = request->on_headers && !request->on_headers(reply);
    return !unwanted;
  }

  /// libcurl is C: an exception waits here until it has returned.
  template <typename F>
  bool guarded(F&& f) {
    try {
      return f();
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }

  static size_t on_header(char* data, size_t size, size_t count, void* self) {
    State& s = *static_cast<State*>(self);
    return s.guarded([&] { return s.take_header({data, size * count}), true; }) ? size * count : 0;
  }

  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    State& s = *static_cast<State*>(self);
    const bool go_on = s.guarded([&] {
      if (!s.headers_are_whole()) return false;
      if (s.request->on_body) s.request->on_body({data, size * count});
      return true;
    });
    return go_on ? size * count : CURL_WRITEFUNC_ERROR;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<State*>(self)->stop() ? 1 : 0;
  }
};

HttpClient::HttpClient(std::chrono::seconds stall, StopCheck stop) : state_(std::make_unique<State>()) {
  start_curl();
  State& s = *state_;
  s.stop = std::move(stop);
  s.curl.reset(curl_easy_init());
  require(s.curl != nullptr, "libcurl gives no handle");
  const long seconds = static_cast<long>(stall.count());
  s.set(CURLOPT_NOSIGNAL, 1L);
  s.set(CURLOPT_PROTOCOLS_STR, "http,https");
  s.set(CURLOPT_FOLLOWLOCATION, 0L);
  s.set(CURLOPT_USERAGENT, fmt::format("dure/{}", kVersion).c_str());
  s.set(CURLOPT_CONNECTTIMEOUT, std::min(seconds, kConnectSeconds));
  s.set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  s.set(CURLOPT_LOW_SPEED_TIME, seconds);
  s.set(CURLOPT_BUFFERSIZE, kBufferBytes);
  s.set(CURLOPT_NOPROGRESS, 0L);
  s.set(CURLOPT_XFERINFOFUNCTION, &State::on_progress);
  s.set(CURLOPT_XFERINFODATA, state_.get());
  s.set(CURLOPT_HEADERFUNCTION, &State::on_header);
  s.set(CURLOPT_HEADERDATA, state_.get());
  s.set(CURLOPT_WRITEFUNCTION, &State::on_body);
  s.set(CURLOPT_WRITEDATA, state_.get());
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::send(const HttpCall& request) {
  State& s = *state_;
  s.request = &request;
  s.reply = {};
  s.headers_seen = s.unwanted = false;
  s.thrown = nullptr;
  std::unique_ptr<curl_slist, ListDeleter> headers;
  for (const std::string& line : request.headers) {
    curl_slist* list = curl_slist_append(headers.get(), line.c_str());
    if (list == nullptr) throw std::bad_alloc();
    (void)headers.release();
    headers.reset(list);
  }
  s.set(CURLOPT_URL, request.url.c_str());
  s.set(CURLOPT_PROXY, is_loopback_url(request.url) ? "" : nullptr);  // null: as the environment says
  s.set(CURLOPT_HTTPGET, 1L);
  if (request.post) {
    s.set(CURLOPT_POST, 1L);
    s.set(CURLOPT_POSTFIELDS, request.post->data());
    s.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.post->size()));
  }
  s.set(CURLOPT_HTTPHEADER, headers.get());
  char message[CURL_ERROR_SIZE] = "";
  s.set(CURLOPT_ERRORBUFFER, message);
  const CURLcode code = curl_easy_perform(s.curl.get());
  s.set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  s.set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));

  if (s.stop()) throw HttpStopped{};
  if (s.thrown) std::rethrow_exception(s.thrown);
  if (code == CURLE_OK || s.unwanted) {
    if (code == CURLE_OK) s.headers_are_whole();  // a reply without a body has not been shown yet
  } else {
    // libcurl's longer text can hold a URL, and signed URLs are secrets: only its name of the error is shown.
    s.reply.problem = code == CURLE_OPERATION_TIMEDOUT ? "the server is silent" : curl_easy_strerror(code);
    s.reply.problem_may_pass = may_pass(code);
  }
  s.request = nullptr;
  return std::exchange(s.reply, {});
}

}  // namespace dure

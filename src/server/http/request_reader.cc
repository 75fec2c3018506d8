#include "server/http/request_reader.h"

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/error.h"
#include "server/http/target.h"

namespace dure {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;
using boost::system::error_code;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// A body that takes memory as it arrives, not as it is announced.
struct ArrivingBody {
  using value_type = std::string;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      size_t taken = 0;
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
      return taken;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

HttpError too_large() { return {413, "invalid_request_error", "too_large", "the body of the request is too large"}; }

HttpError meaning(const error_code& error) {
  if (error == http::error::header_limit) {
    return {431, "invalid_request_error", "header_too_large", "the header of the request is too large"};
  }
  if (error == http::error::body_limit) return too_large();
  if (error == http::error::bad_version) {
    return {505, "invalid_request_error", "http_version", "this server speaks HTTP/1.1"};
  }
  return bad_request("not an HTTP request: " + error.message(), {}, "bad_http");
}

/// What would let two readers of one connection disagree on where a request ends.
void check_framing(const HttpRequest& request) {
  const auto lengths = request.headers.all("content-length");
  const auto codings = request.headers.all("transfer-encoding");
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  };
  if (lengths.size() > 1 || codings.size() > 1 || (!lengths.empty() && !codings.empty())) {
    throw bad_request("more than one Content-Length or Transfer-Encoding", {}, "bad_http");
  }
  if (!lengths.empty() && !digits(lengths[0])) throw bad_request("Content-Length is no number", {}, "bad_http");
  if (!codings.empty() && request.minor == 0) throw bad_request("Transfer-Encoding in HTTP/1.0", {}, "bad_http");
  if (!codings.empty() && !iequals({codings[0].data(), codings[0].size()}, "chunked")) {
    throw HttpError(501, "invalid_request_error", "transfer_encoding", "only the transfer encoding chunked is known");
  }
}

}  // namespace

struct RequestReader::Impl {
  http::request_parser<ArrivingBody> parser;
  HttpRequest request;
  size_t header_bytes = 0;
  bool started = false, header_seen = false;

  void read_header() {
    const auto& message = parser.get();
    if (message.version() != 10 && message.version() != 11) throw meaning(http::error::bad_version);
    request.minor = static_cast<int>(message.version()) - 10;
    request.method = view(message.method_string());
    request.head = request.method == "HEAD";
    if (request.head) request.method = "GET";
    for (const auto& field : message) request.headers.add(view(field.name_string()), view(field.value()));
    check_framing(request);
    const std::string_view target = view(message.target());
    if (target == "*" && request.method != "OPTIONS") throw bad_request("only OPTIONS may ask for *", {}, "bad_http");
    parse_target(target, request);
    const std::string_view expect = request.headers.get("expect");
    if (!expect.empty() && !iequals({expect.data(), expect.size()}, "100-continue")) {
      throw HttpError(417, "invalid_request_error", "expectation", "only Expect: 100-continue is known");
    }
  }
};

RequestReader::RequestReader(size_t header_bytes) : impl_(std::make_unique<Impl>()) {
  impl_->header_bytes = header_bytes;
  impl_->parser.header_limit(static_cast<uint32_t>(header_bytes));
  impl_->parser.body_limit(UINT64_MAX);  // until limit_body(): only the route knows it
}

RequestReader::~RequestReader() = default;

RequestReader::Progress RequestReader::feed(std::string& bytes) {
  Impl& impl = *impl_;
  size_t at = 0;
  const auto leave = [&](Progress progress) {
    bytes.erase(0, at);
    return progress;
  };
  // Some clients end a body with a line break that belongs to nothing.
  while (!impl.started && bytes.compare(at, 2, "\r\n") == 0) at += 2;
  if (!impl.started && bytes.compare(at, bytes.npos, "\r") == 0) return leave(Progress::more);
  for (;;) {
    if (impl.header_seen && impl.parser.is_done()) {
      impl.request.body = std::move(impl.parser.get().body());
      return leave(Progress::done);
    }
    if (at == bytes.size()) return leave(Progress::more);
    // A chunked body ends with at least "0\r\n\r\n"; Beast 1.74 counts on seeing that much of the last chunk at once.
    if (impl.header_seen && impl.parser.chunked() && bytes.size() - at < 5) return leave(Progress::more);
    error_code error;
    impl.started = true;
    at += impl.parser.put(boost::asio::buffer(bytes.data() + at, bytes.size() - at), error);
    if (error == http::error::need_more) {
      // The line of a chunk's size, and trailers, are headers of a kind.
      if (bytes.size() - at > impl.header_bytes) throw meaning(http::error::header_limit);
      return leave(Progress::more);
    }
    if (error) throw meaning(error);
    if (!impl.header_seen && impl.parser.is_header_done()) {
      impl.header_seen = true;
      impl.read_header();
      return leave(Progress::header);
    }
  }
}

HttpRequest& RequestReader::request() { return impl_->request; }
bool RequestReader::keep_alive() const { return impl_->parser.get().keep_alive(); }
bool RequestReader::expects_continue() const { return has_body() && impl_->request.headers.has("expect"); }
bool RequestReader::has_body() const { return !impl_->parser.is_done(); }

bool RequestReader::body_within(size_t bytes) const {
  const auto length = impl_->parser.content_length();
  return !has_body() || (length && *length <= bytes);
}

void RequestReader::limit_body(size_t bytes) {
  const auto length = impl_->parser.content_length();
  if (length && *length > bytes) throw too_large();
  impl_->parser.body_limit(bytes);
}

}  // namespace dure

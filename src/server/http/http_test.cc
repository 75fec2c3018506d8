#include "server/http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "chat/chat_request.h"
#include "formats/temporary_folder.h"
#include "server/http/access.h"
#include "server/http/event_stream.h"
#include "server/http/recorded_exchange.h"
#include "server/http/request_id.h"
#include "server/http/request_reader.h"
#include "server/http/response_head.h"
#include "server/http/router.h"
#include "server/http/target.h"

namespace dure {
namespace {

using Progress = RequestReader::Progress;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

HttpRequest request_of(std::string_view target) {
  HttpRequest request;
  request.method = "GET";
  parse_target(target, request);
  return request;
}

TEST(HttpTargetTest, SplitsBeforeItDecodes) {
  const HttpRequest r = request_of("/v1//models/a%2Fb%20c/?q=%EC%97%94%EC%A7%84+x&&flag&a=b=c");
  EXPECT_EQ(r.path, "/v1/models/a/b c");
  EXPECT_THAT(r.segments, ElementsAre("v1", "models", "a/b c"));
  EXPECT_THAT(r.query, ElementsAre(Pair("q", "엔진 x"), Pair("flag", ""), Pair("a", "b=c")));
  EXPECT_TRUE(r.has_query("flag"));
  EXPECT_EQ(r.query_value("none"), "");
}

TEST(HttpTargetTest, TakesAllForms) {
  EXPECT_EQ(request_of("/").path, "/");
  EXPECT_EQ(request_of("http://host:80/a?b").path, "/a");
  EXPECT_EQ(request_of("http://host").path, "/");
  EXPECT_EQ(request_of("http://host?b").path, "/");
  EXPECT_EQ(request_of("/a#b?c").path, "/a");
  EXPECT_EQ(request_of("/.../..a/a..").path, "/.../..a/a..");
}

TEST(HttpTargetTest, Refuses) {
  for (const char* target :
       {"",           "a",     "host:80", "*x",      "/..",   "/a/../b", "/a/./b", "/%2e%2E/etc", "/a/%2e",
        "/.%2e/",     "/a%00", "/a%0Ab",  "/a%7f",   "/%",    "/%2",     "/%g0",   "/%c0%af",     "/%c0%ae%c0%ae/",
        "/%ed%a0%80", "/%ff",  "/?a=%00", "/?%zz=1", "/?a=%f"}) {
    try {
      request_of(target);
      ADD_FAILURE() << target;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.status, 400) << target;
    }
  }
}

/// The status of what is wrong with a request, 200 if nothing is, 0 if it is not whole.
int read_status(std::string bytes, size_t step, HttpRequest* request = nullptr) {
  RequestReader reader(1024);
  std::string buffer;
  try {
    while (!bytes.empty()) {
      buffer += bytes.substr(0, step);
      bytes.erase(0, std::min(step, bytes.size()));
      for (Progress p; (p = reader.feed(buffer)) != Progress::more;) {
        if (p == Progress::header) reader.limit_body(100);
        if (p == Progress::done && request) *request = reader.request();
        if (p == Progress::done) return buffer.empty() && bytes.empty() ? 200 : 299;  // 299: bytes of a next one
      }
    }
  } catch (const HttpError& error) {
    return error.status;
  }
  return 0;
}

TEST(RequestReaderTest, ReadsAndRefuses) {
  const std::string host = "Host: a\r\n", chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const struct {
    std::string bytes;
    int status;
  } cases[] = {
      {"GET / HTTP/1.1\r\n" + host + "\r\n", 200},
      {"\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 200},
      {"GET / HTTP/1.0\r\n\r\n", 200},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", 200},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabcd", 299},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nab", 0},
      {chunked + "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n", 200},
      {chunked + "3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", 200},
      {chunked + "0\r\n\r\n", 200},
      {chunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
      {chunked + "x\r\nabc\r\n", 400},
      {chunked + "-1\r\nabc\r\n", 400},
      {chunked + "ffffffffffffffffff\r\nabc\r\n", 400},
      {chunked + "65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n", 413},
      {chunked + "1\r\na\r\n" + std::string(2000, 'f'), 431},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 101\r\n\r\n", 413},
      // Where two readers could disagree on the end.
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -3\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\nabc", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length : 3\r\n\r\nabc", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
       400},
      // Not HTTP.
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03 hello\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nX: a\x01\r\n\r\n", 400},
      {std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26), 400},
      {"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 505},
      {"GET * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 200},
      {"CONNECT a:80 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nExpect: magic\r\n\r\nabc", 417},
  };
  for (const auto& c : cases) {
    for (const size_t step : {c.bytes.size(), size_t{7}, size_t{1}}) {
      EXPECT_EQ(read_status(c.bytes, step), c.status) << c.bytes << "\nin steps of " << step;
    }
  }
}

TEST(RequestReaderTest, GivesAllOfIt) {
  HttpRequest r;
  ASSERT_EQ(
      read_status("HEAD /a?b=1 HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nX-TWO:  2 \r\nTransfer-Encoding: Chunked\r\n\r\n"
                  "2\r\nab\r\n1\r\nc\r\n0\r\nX-Two: 3\r\n\r\n",
                  3, &r),
      200);
  EXPECT_EQ(r.method, "GET");
  EXPECT_TRUE(r.head);
  EXPECT_EQ(r.path, "/a");
  EXPECT_EQ(r.query_value("b"), "1");
  EXPECT_THAT(r.headers.all("x-two"), ElementsAre("1", "2"));  // trailers are not headers
  EXPECT_EQ(r.body, "abc");
}

TEST(RouterTest, MostLiteralWins) {
  std::string called;
  Router router;
  const auto add = [&](const char* method, const char* pattern) {
    router.add(method, pattern, [&called, pattern](const auto&) { called = pattern; });
  };
  add("GET", "/v1/models/{id...}");
  add("GET", "/v1/models");
  add("POST", "/v1/models/load");
  add("PUT", "/c/{id}/m/{message}");
  add("DELETE", "/c/{id}/m/{message}");
  add("GET", "/c/{id}");
  add("GET", "/c/all");
  add("GET", "/");
  const struct {
    const char *method, *target, *pattern, *allowed;
  } cases[] = {
      {"GET", "/", "/", ""},
      {"GET", "/v1/models/", "/v1/models", ""},
      {"GET", "/v1/models/a/b", "/v1/models/{id...}", ""},
      {"GET", "/v1/models/load", "/v1/models/{id...}", ""},
      {"POST", "/v1/models/load", "/v1/models/load", ""},
      {"GET", "/c/all", "/c/all", ""},
      {"GET", "/c/x", "/c/{id}", ""},
      {"GET", "/c/x/m/y", nullptr, "PUT, DELETE"},
      {"PUT", "/v1/models", nullptr, "GET, HEAD"},
      {"get", "/v1/models", nullptr, "GET, HEAD"},
      {"PUT", "/v1/models/load", nullptr, "POST, GET, HEAD"},
      {"GET", "/c/x/m", nullptr, ""},
      {"GET", "/v1", nullptr, ""},
  };
  for (const auto& c : cases) {
    HttpRequest request = request_of(c.target);
    request.method = c.method;
    std::string allowed;
    const Route* route = router.find(request, allowed);
    ASSERT_EQ(route != nullptr, c.pattern != nullptr) << c.target;
    if (route) route->handler(nullptr);
    EXPECT_EQ(std::exchange(called, ""), c.pattern ? c.pattern : "") << c.method << c.target;
    EXPECT_EQ(allowed, c.allowed) << c.method << c.target;
  }
  HttpRequest request = request_of("/v1/models/a%2Fb/c");
  std::string allowed;
  ASSERT_TRUE(router.find(request, allowed));
  EXPECT_EQ(request.parameter("id"), "a/b/c");
  EXPECT_THROW(add("GET", "/c/{other}"), Error);
  EXPECT_THROW(add("GET", "/{rest...}/x"), Error);
  EXPECT_THROW(add("GET", "/{}"), Error);
  EXPECT_THROW(add("GET", "x"), Error);
}

TEST(ApiKeysTest, FromAFile) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "keys";
  std::ofstream(file) << "# ours\n\n  first \r\nsecond";
  ApiKeys keys;
  EXPECT_TRUE(keys.empty());
  keys.load(file);
  EXPECT_TRUE(keys.accept("first"));
  EXPECT_TRUE(keys.accept("second"));
  for (const char* wrong : {"", "firs", "first2", "First", "# ours"}) EXPECT_FALSE(keys.accept(wrong)) << wrong;
  for (const char* bad : {"", "a b", "a\n", "키"}) EXPECT_THROW(keys.add(bad), Error) << bad;
  std::ofstream(file) << "# none\n";
  EXPECT_THROW(keys.load(file), Error);
}

int status_of(const std::function<void()>& check) {
  try {
    check();
    return 200;
  } catch (const HttpError& error) {
    return error.status;
  }
}

HttpRequest with_headers(HttpHeaders headers) {
  HttpRequest request;
  request.method = "POST";
  request.headers = std::move(headers);
  return request;
}

TEST(AccessRulesTest, Keys) {
  AccessRules rules;
  const auto check = [&](HttpHeaders h) { return status_of([&] { rules.check_key(with_headers(std::move(h))); }); };
  EXPECT_EQ(check({}), 200);
  rules.keys.add("sesame");
  EXPECT_EQ(check({}), 401);
  EXPECT_EQ(check({{"Authorization", "Bearer sesame"}}), 200);
  EXPECT_EQ(check({{"authorization", "bearer  sesame"}}), 200);
  EXPECT_EQ(check({{"x-api-key", "sesame"}}), 200);
  EXPECT_EQ(check({{"authorization", "Bearer sesame2"}}), 401);
  EXPECT_EQ(check({{"authorization", "Basic sesame"}}), 401);
  EXPECT_EQ(check({{"authorization", "Bearer"}}), 401);
  EXPECT_EQ(check({{"x-api-key", ""}}), 401);
  // Anthropic's clients may send both, the one that is set wins over nothing.
  EXPECT_EQ(check({{"authorization", "Basic x"}, {"x-api-key", "sesame"}}), 200);
}

TEST(AccessRulesTest, HostAndOrigin) {
  AccessRules loopback, open, cors;
  loopback.hosts = {"Dure.example"};
  open.loopback = false;
  cors.origins = {"https://app.example", "http://localhost:*"};
  const struct {
    const AccessRules& rules;
    HttpHeaders headers;
    int status;
  } cases[] = {
      {loopback, {{"host", "localhost:8080"}}, 200},
      {loopback, {{"host", "a.localhost"}}, 200},
      {loopback, {{"host", "127.0.0.1:8080"}}, 200},
      {loopback, {{"host", "[::1]:8080"}}, 200},
      {loopback, {{"host", "dure.example:80"}}, 200},
      {loopback, {{"host", "evil.example"}}, 403},
      {loopback, {{"host", "127.0.0.1.evil.example"}}, 403},
      {loopback, {{"host", "localhost.evil.example:80"}}, 403},
      {loopback, {{"host", ""}}, 403},
      {loopback, {}, 400},
      {loopback, {{"host", "a"}, {"host", "a"}}, 400},
      {open, {{"host", "dure.lan"}}, 200},
      {open, {{"host", "dure.lan:8080"}, {"origin", "http://dure.lan:8080"}}, 200},
      {open, {{"host", "dure.lan"}, {"origin", "https://dure.lan"}}, 200},
      {open, {{"host", "dure.lan:8080"}, {"origin", "http://dure.lan:8081"}}, 403},
      {open, {{"host", "dure.lan"}, {"origin", "http://evil.example"}}, 403},
      {open, {{"host", "dure.lan"}, {"origin", "null"}}, 403},
      {open, {{"host", "dure.lan"}, {"origin", ""}}, 403},
      {loopback, {{"host", "evil.example"}, {"origin", "http://evil.example"}}, 403},
      {cors, {{"host", "localhost"}, {"origin", "https://app.example"}}, 200},
      {cors, {{"host", "localhost"}, {"origin", "https://app.example.evil"}}, 403},
      {cors, {{"host", "localhost"}, {"origin", "http://app.example"}}, 403},
      {cors, {{"host", "localhost"}, {"origin", "http://localhost:3000"}}, 200},
      {cors, {{"host", "localhost"}, {"origin", "http://localhost.evil:3000"}}, 403},
      {cors, {{"host", "localhost"}, {"origin", "http://localhost:3000.evil"}}, 403},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(status_of([&] { c.rules.check_origin(with_headers(c.headers)); }), c.status)
        << c.headers.get("host") << " " << c.headers.get("origin");
  }
}

TEST(AccessRulesTest, Cors) {
  HttpRequest ask = with_headers({{"origin", "https://app.example"},
                                  {"access-control-request-method", "POST"},
                                  {"access-control-request-headers", "authorization, x-stainless-os"}});
  ask.method = "OPTIONS";
  AccessRules rules;
  EXPECT_FALSE(rules.preflight(ask));
  EXPECT_EQ(rules.cors_headers(ask).begin(), rules.cors_headers(ask).end());
  for (const char* allowed : {"*", "https://app.example"}) {
    rules.origins = {allowed};
    const auto answer = rules.preflight(ask);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(answer->headers.get("access-control-allow-headers"), "authorization, x-stainless-os");
    EXPECT_EQ(rules.cors_headers(ask).get("access-control-allow-origin"), "https://app.example");
    EXPECT_EQ(rules.cors_headers(ask).get("vary"), "Origin");
  }
  rules.origins = {"https://other.example"};
  EXPECT_FALSE(rules.preflight(ask));
  EXPECT_FALSE(rules.cors_headers(ask).has("access-control-allow-origin"));
  EXPECT_EQ(rules.cors_headers(ask).get("vary"), "Origin");
}

TEST(HttpErrorTest, FourKeys) {
  const HttpResponse r = openai_error({429, "rate_limit_error", "", "later", "", {{"retry-after", "5"}}});
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(r.body, R"({"error":{"message":"later","type":"rate_limit_error","param":null,"code":null}})");
  EXPECT_EQ(r.headers.get("retry-after"), "5");
}

TEST(HttpErrorTest, OfExceptions) {
  const auto of = [](auto exception) { return to_http_error(std::make_exception_ptr(exception), "req_1"); };
  EXPECT_EQ(of(HttpError(404, "t", "c", "m")).status, 404);
  EXPECT_EQ(of(RequestError("no", "top_p")).param, "top_p");
  EXPECT_EQ(of(Error("bad")).status, 400);
  EXPECT_STREQ(of(Error("bad")).what(), "bad");
  const HttpError inner = of(std::runtime_error("secret"));
  EXPECT_EQ(inner.status, 500);
  EXPECT_THAT(inner.what(), HasSubstr("req_1"));
  EXPECT_THAT(inner.what(), testing::Not(HasSubstr("secret")));
}

TEST(ResponseHeadTest, FramesAndCleans) {
  Framing framing;
  framing.length = 3;
  framing.close = true;
  const std::string head = response_head(200, {{"X", "a\r\nInjected: b"}, {"Content-Length", "9"}}, framing);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\ndate: "));
  EXPECT_TRUE(head.ends_with("x: a  Injected: b\r\ncontent-length: 3\r\nconnection: close\r\n\r\n")) << head;
  EXPECT_THAT(response_head(204, {}, {}), testing::Not(HasSubstr("content-length")));
}

TEST(RequestIdTest, TakesOnlyWhatIsFit) {
  EXPECT_EQ(request_id("abc-1.2_X"), "abc-1.2_X");
  for (const std::string& given : {std::string(), std::string("a b"), std::string("a\r\n"), std::string(65, 'a')}) {
    EXPECT_TRUE(request_id(given).starts_with("req_"));
  }
  EXPECT_NE(request_id(""), request_id(""));
}

TEST(EventStreamTest, Writes) {
  const auto sse = std::make_shared<RecordedExchange>(HttpRequest{});
  SseStream events(sse);
  events.event("{}");
  events.event("message_stop", "{}");
  events.comment("hi");
  events.done();
  EXPECT_EQ(sse->response().body, "data: {}\n\nevent: message_stop\ndata: {}\n\n: hi\n\ndata: [DONE]\n\n");
  EXPECT_EQ(sse->response().headers.get("x-accel-buffering"), "no");
  EXPECT_TRUE(sse->ended());

  const auto lines = std::make_shared<RecordedExchange>(HttpRequest{});
  NdjsonStream stream(lines);
  stream.line("{}");
  stream.end();
  EXPECT_EQ(lines->response().body, "{}\n");
}

}  // namespace
}  // namespace dure

#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

#include "base/error.h"
#include "server/http/event_stream.h"
#include "server/http/raw_client.h"

namespace dure {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

/// Waits for what other threads bring about.
bool soon(const std::function<bool()>& condition, std::chrono::milliseconds patience = 5s) {
  const auto end = steady_clock::now() + patience;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class HttpServerTest : public testing::Test {
 protected:
  /// Handlers whose answers the test makes itself, later.
  void SetUp() override {
    router.add("GET", "/hello", [](const auto& e) { e->send(text_response(200, "hello")); });
    router.add("POST", "/echo", [](const auto& e) { e->send(text_response(200, e->request().body)); });
    router.add("POST", "/small", [](const auto& e) { e->send({}); }, {.max_body = 10});
    router.add("GET", "/light", [](const auto& e) { e->send(text_response(200, "light")); }, {.light = true});
    router.add("GET", "/open", [](const auto& e) { e->send({}); }, {.needs_key = false});
    router.add("GET", "/error", [](const auto&) { fail("temperature must be at least 0"); });
    router.add("GET", "/oops", [](const auto&) { throw std::runtime_error("secret path"); });
    router.add("GET", "/forgets", [](const auto&) {});
    router.add("POST", "/hold", [this](const auto& e) { hold(e); });
    router.add("GET", "/hold", [this](const auto& e) { hold(e); });
    router.add("GET", "/block", [this](const auto& e) {
      released.wait();
      e->send({});
    });
    router.set_errors("/api", [](const HttpError& error) { return text_response(error.status, "theirs"); });
    options.io_threads = 2;
    options.log = [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex);
      log.push_back(record);
    };
  }

  HttpServer& start() {
    server.emplace(options, router);
    server->start();
    return *server;
  }

  void hold(const std::shared_ptr<Exchange>& exchange) {
    exchange->on_close([this] { ++closed; });
    const std::lock_guard lock(mutex);
    held.push_back(exchange);
  }

  /// The next exchange that /hold keeps.
  std::shared_ptr<Exchange> next_held() {
    std::shared_ptr<Exchange> exchange;
    soon([&] {
      const std::lock_guard lock(mutex);
      if (held.empty()) return false;
      exchange = held.front();
      held.pop_front();
      return true;
    });
    return exchange;
  }

  RawClient::Answer ask(std::string_view request) { return RawClient(server->port()).ask(request); }

  ~HttpServerTest() override { release.set_value(); }

  HttpServerOptions options;
  Router router;
  std::mutex mutex;
  std::deque<std::shared_ptr<Exchange>> held;
  std::vector<AccessRecord> log;
  std::atomic<int> closed = 0;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::optional<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    const auto a = client.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.body, "hello");
    EXPECT_TRUE(a.header("x-request-id").starts_with("req_"));
    EXPECT_EQ(a.header("connection"), "");
  }
  const auto head = client.ask("HEAD /hello HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n\r\n");
  EXPECT_EQ(head.header("content-length"), "5");
  EXPECT_EQ(head.header("x-request-id"), "mine");
  EXPECT_EQ(client.ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc").body, "abc");
  const auto last = client.ask("GET /light HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server->counters().requests, 6u);
}

TEST_F(HttpServerTest, OldClients) {
  start();
  RawClient one(server->port()), two(server->port());
  EXPECT_EQ(one.ask("GET /hello HTTP/1.0\r\n\r\n").body, "hello");
  EXPECT_TRUE(one.ended());
  EXPECT_EQ(two.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"), "keep-alive");
  EXPECT_EQ(two.ask("GET /hello HTTP/1.0\r\n\r\n").status, 200);
  RawClient stream(server->port());
  stream.send("GET /hold HTTP/1.0\r\n\r\n");
  const auto exchange = next_held();
  exchange->start(200, {});
  exchange->write("a");
  exchange->write("b");
  exchange->end();
  EXPECT_EQ(stream.answer().body, "ab");
}

TEST_F(HttpServerTest, TakesRequestsInPieces) {
  start();
  RawClient client(server->port());
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")) {
    client.send({&c, 1});
    std::this_thread::sleep_for(200us);
  }
  EXPECT_EQ(client.answer().body, "abc");
  const std::string body(3'000'000, 'x');
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + body);
  EXPECT_EQ(client.answer().body, body);
}

TEST_F(HttpServerTest, PipelinesInOrder) {
  start();
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += fmt::format("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", 1 + (i > 9), i);
    all += "GET /light HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  client.send(all);
  client.finish();  // and still it hears everything
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.answer().body, std::to_string(i));
    EXPECT_EQ(client.answer().body, "light");
  }
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, ErrorsHaveOneShape) {
  options.limits.header_bytes = 4096;
  options.limits.body_bytes = 1 << 20;
  start();
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";
  const struct {
    std::string request;
    int status;
    const char *says, *connection;
  } cases[] = {
      {"GET /none" + host + "\r\n", 404, R"("type":"invalid_request_error","param":null,"code":"not_found"})", ""},
      {"PUT /hello" + host + "Content-Length: 2\r\n\r\nab", 405, "method_not_allowed", ""},
      {"GET /error" + host + "\r\n", 400, "temperature must be at least 0", ""},
      {"GET /oops" + host + "\r\n", 500, "server_error", ""},
      {"GET /forgets" + host + "\r\n", 500, "server_error", ""},
      {"GET /api/none" + host + "\r\n", 404, "theirs", ""},
      {"GET /../x" + host + "\r\n", 400, "invalid_request_error", "close"},
      {"nonsense\r\n\r\n", 400, "bad_http", "close"},
      {"GET /hello HTTP/1.1\r\n\r\n", 400, "Host", ""},
      {"GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "wrong_host", ""},
      {"POST /small" + host + "Content-Length: 11\r\n\r\n12345678901", 413, "too_large", "close"},
      {"POST /echo" + host + "Content-Length: 1048577\r\n\r\n", 413, "too_large", "close"},
      {"POST /small" + host + "Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n", 413,
       "too_large", "close"},
      {"POST /none" + host + "Content-Length: 900000\r\n\r\n", 404, "not_found", "close"},
      {"POST /none" + host + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 404, "not_found", "close"},
      {"GET /hello" + host + "X: " + std::string(9000, 'x') + "\r\n\r\n", 431, "header_too_large", "close"},
      {"OPTIONS /hello" + host + "\r\n", 204, "", ""},
      {"OPTIONS *" + host + "\r\n", 204, "", ""},
  };
  for (const auto& c : cases) {
    RawClient client(server->port());
    const auto a = client.ask(c.request);
    EXPECT_EQ(a.status, c.status) << c.request.substr(0, 200) << a.body;
    EXPECT_TRUE(a.whole);
    EXPECT_THAT(a.body, HasSubstr(c.says));
    EXPECT_THAT(a.body, Not(HasSubstr("secret")));
    EXPECT_NE(a.header("x-request-id"), "");
    EXPECT_EQ(a.header("connection"), c.connection) << c.request.substr(0, 200);
    if (*c.connection == 0)
      EXPECT_EQ(client.ask("GET /hello" + host + "\r\n").body, "hello") << c.request;
    else
      EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(ask("PUT /hello" + host + "\r\n").header("allow"), "GET, HEAD");
}

TEST_F(HttpServerTest, AnswerSurvivesABodyThatIsNotWanted) {
  start();
  RawClient client(server->port());
  client.send("POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
  client.send(std::string(200'000, 'x'));
  EXPECT_EQ(client.answer().status, 404);
}

TEST_F(HttpServerTest, ExpectContinue) {
  start();
  RawClient client(server->port());
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.answer().status, 100);
  client.send("abc");
  EXPECT_EQ(client.answer().body, "abc");
}

TEST_F(HttpServerTest, KeysAndCors) {
  options.access.keys.add("sesame");
  options.access.origins = {"https://app.example"};
  start();
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n", site = "Origin: https://app.example\r\n";
  const auto refused = ask("POST /echo" + host + site + "Content-Length: 3\r\n\r\nabc");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("www-authenticate"), "Bearer");
  EXPECT_EQ(refused.header("access-control-allow-origin"), "https://app.example");
  EXPECT_THAT(refused.body, HasSubstr(R"("type":"authentication_error","param":null,"code":"invalid_api_key")"));
  EXPECT_EQ(ask("GET /hello" + host + "Authorization: Bearer sesame\r\n\r\n").status, 200);
  EXPECT_EQ(ask("GET /open" + host + "\r\n").status, 200);
  EXPECT_EQ(ask("GET /none" + host + "\r\n").status, 404);
  const auto preflight = ask("OPTIONS /echo" + host + site + "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("access-control-allow-origin"), "https://app.example");
  const auto other = ask("GET /open" + host + "Origin: https://evil.example\r\n\r\n");
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(other.header("access-control-allow-origin"), "");
}

TEST_F(HttpServerTest, StreamsAsItIsWritten) {
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto exchange = next_held();
  SseStream events(exchange, 50ms);
  events.start();
  EXPECT_THAT(client.until("\r\n\r\n"), HasSubstr("text/event-stream"));
  EXPECT_NE(client.until(": keep-alive\n\n"), "");  // before anything is said
  events.event("{\"a\":1}");
  EXPECT_NE(client.until("data: {\"a\":1}\n\n"), "");
  EXPECT_NE(client.until(": keep-alive\n\n"), "");
  EXPECT_NE(client.until(": keep-alive\n\n"), "");
  events.done();
  EXPECT_NE(client.until("data: [DONE]\n\n\r\n0\r\n\r\n"), "");
  EXPECT_EQ(client.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "hello");
  EXPECT_EQ(closed, 0);
}

TEST_F(HttpServerTest, LinesWaitBehindSpaces) {
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto exchange = next_held();
  NdjsonStream lines(exchange, 50ms);
  lines.start();
  EXPECT_THAT(client.until("\r\n\r\n"), HasSubstr("application/x-ndjson"));
  EXPECT_NE(client.until("1\r\n \r\n"), "");  // a chunk of one space, before anything is said
  lines.line("{\"a\":1}");
  EXPECT_NE(client.until("{\"a\":1}\n"), "");
  EXPECT_NE(client.until("1\r\n \r\n"), "");
  lines.end();
  EXPECT_NE(client.until("0\r\n\r\n"), "");
}

TEST_F(HttpServerTest, ManyThreadsWriteWholeEvents) {
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto exchange = next_held();
  exchange->start(200, {});
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) exchange->write("abcdefg\n");
    });
  }
  for (std::thread& w : writers) w.join();
  exchange->end();
  std::string expected;
  for (int i = 0; i < 2000; ++i) expected += "abcdefg\n";
  EXPECT_EQ(client.answer().body, expected);
}

TEST_F(HttpServerTest, HeadOfAStream) {
  start();
  RawClient client(server->port());
  client.send("HEAD /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto exchange = next_held();
  exchange->start(200, {});
  exchange->write("nobody reads this");
  exchange->end();
  EXPECT_EQ(client.answer(true).header("transfer-encoding"), "chunked");
  EXPECT_EQ(client.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "hello");
}

TEST_F(HttpServerTest, NoticesThatTheClientLeaves) {
  start();
  for (const bool streaming : {false, true}) {
    for (const bool reset : {false, true}) {
      closed = 0;
      RawClient client(server->port());
      client.send("POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
      const auto exchange = next_held();
      ASSERT_TRUE(exchange);
      if (streaming) {
        exchange->start(200, {});
        exchange->write("a");
        EXPECT_NE(client.until("a\r\n"), "");
      }
      const auto before = steady_clock::now();
      reset ? client.reset() : client.close();
      EXPECT_TRUE(soon([&] { return closed == 1; }));
      EXPECT_LT(steady_clock::now() - before, 1s);
      EXPECT_TRUE(exchange->closed());
      bool at_once = false;
      exchange->on_close([&] { at_once = true; });
      EXPECT_TRUE(at_once);
      exchange->write("more");  // goes nowhere, and harms nobody
      exchange->send({});
    }
  }
  EXPECT_TRUE(soon([&] { return server->counters().open == 0; }));
  EXPECT_EQ(server->counters().active, 0u);
}

TEST_F(HttpServerTest, LeavingAtEachStage) {
  start();
  for (const char* part : {"", "G", "GET /hello HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc",
                           "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na",
                           "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hel"}) {
    for (const bool reset : {false, true}) {
      RawClient client(server->port());
      client.send(part);
      std::this_thread::sleep_for(5ms);
      if (reset) client.reset();
    }
  }
  EXPECT_TRUE(soon([&] { return server->counters().open == 0; }));
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, DroppedInMidStreamCutsTheConnection) {
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  auto exchange = next_held();
  exchange->start(200, {});
  exchange->write("half");
  EXPECT_NE(client.until("half\r\n"), "");
  exchange.reset();
  EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(soon([&] { return server->counters().open == 0; }));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].aborted);
}

TEST_F(HttpServerTest, WholeAnswersKeepTheirClients) {
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  auto exchange = next_held();
  exchange->keep_waiting(10s);
  exchange->send(text_response(200, R"({"soon":1})"));
  const auto soon_made = client.answer();
  EXPECT_EQ(soon_made.header("content-length"), "10");
  EXPECT_EQ(soon_made.body, R"({"soon":1})");

  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  exchange = next_held();
  exchange->keep_waiting(50ms);
  EXPECT_THAT(client.until("\r\n\r\n"), AllOf(HasSubstr("200 OK"), HasSubstr("application/json")));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.until("\n\r\n"), "1\r\n\n\r\n");
  exchange->send(text_response(200, R"({"late":1})"));
  EXPECT_NE(client.until("{\"late\":1}\r\n0\r\n\r\n"), "");

  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  exchange = next_held();
  exchange->keep_waiting(50ms);
  EXPECT_NE(client.until("\n\r\n"), "");
  exchange->send_error(HttpError(500, "server_error", "", "too late to say so"));
  EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(HttpServerTest, WhoWaitsForAStreamHearsThatTheServerLives) {
  start();
  RawClient client(server->port());
  const auto held = [&] {
    client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return next_held();
  };
  auto exchange = held();
  SseStream::expect(*exchange, {}, 10s);
  exchange->send_error(HttpError(404, "invalid_request_error", "", "soon enough for a status"));
  EXPECT_EQ(client.answer().status, 404);

  exchange = held();
  SseStream::expect(*exchange, {}, 50ms);
  EXPECT_THAT(client.until("\r\n\r\n"), AllOf(HasSubstr("200 OK"), HasSubstr("text/event-stream")));
  for (int i = 0; i < 2; ++i) EXPECT_THAT(client.until("\n\n\r\n"), HasSubstr(": keep-alive\n\n"));
  SseStream stream(exchange);
  stream.event("1");
  stream.done();
  EXPECT_THAT(client.until("0\r\n\r\n"), AllOf(HasSubstr("data: 1\n\n"), HasSubstr("data: [DONE]\n\n")));

  exchange = held();
  SseStream::expect(*exchange, "error", 50ms);
  EXPECT_NE(client.until("\n\n\r\n"), "");
  exchange->send_error(HttpError(500, "server_error", "", "too late for a status"));
  EXPECT_THAT(client.until("0\r\n\r\n"), AllOf(HasSubstr("event: error\ndata: {"), HasSubstr("too late for a status")));

  exchange = held();
  NdjsonStream::expect(*exchange, 50ms);
  EXPECT_THAT(client.until("1\r\n \r\n"), HasSubstr("application/x-ndjson"));
  exchange->send_error(HttpError(500, "server_error", "", "too late for a status"));
  EXPECT_THAT(client.until("0\r\n\r\n"), HasSubstr("}\n\r\n"));

  exchange = held();
  SseStream::expect(*exchange, {}, 50ms);
  EXPECT_NE(client.until("\n\n\r\n"), "");
  SseStream(exchange).event("half");
  EXPECT_NE(client.until("half\n\n"), "");
  exchange.reset();
  EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(HttpServerTest, TimesOut) {
  options.limits.header = 150ms;
  options.limits.upload = 150ms;
  options.limits.idle = 150ms;
  start();
  for (const char* part : {"", "GET /hello HTTP/1.1\r\nHost: loc", "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"}) {
    RawClient client(server->port());
    const auto before = steady_clock::now();
    client.send(part);
    client.rest();
    EXPECT_TRUE(client.ended());
    EXPECT_GT(steady_clock::now() - before, 100ms);
  }
  // A byte now and then does not help a header; a body that comes slowly is welcome.
  RawClient slow(server->port());
  const auto before = steady_clock::now();
  while (slow.send("x") && steady_clock::now() - before < 3s) std::this_thread::sleep_for(20ms);
  EXPECT_LT(steady_clock::now() - before, 2s);
  RawClient upload(server->port());
  upload.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n");
  for (int i = 0; i < 9; ++i) {
    std::this_thread::sleep_for(40ms);
    upload.send("x");
  }
  EXPECT_EQ(upload.answer().body, "xxxxxxxxx");
}

TEST_F(HttpServerTest, StalledReaderDoesNotFillMemory) {
  options.limits.queued_bytes = 1 << 20;
  options.limits.write = 400ms;
  start();
  RawClient fast(server->port(), 4096), slow(server->port(), 4096);
  fast.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto flood = next_held();
  flood->start(200, {});
  int written = 0;  // more than the queue and all buffers of the system hold
  for (const std::string block(64 << 10, 'x'); !flood->closed() && written < 1000; ++written) flood->write(block);
  EXPECT_LT(written, 1000);
  EXPECT_TRUE(soon([&] { return closed == 1; }));
  // One that takes nothing is closed although the queue has room.
  slow.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto trickle = next_held();
  trickle->start(200, {});
  EXPECT_TRUE(soon([&] {
    for (int i = 0; i < 8; ++i) trickle->write(std::string(16 << 10, 'x'));
    return closed == 2;
  }));
}

TEST_F(HttpServerTest, WholeAnswersMayBeLong) {
  options.limits.queued_bytes = 1000;
  start();
  RawClient client(server->port());
  client.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  next_held()->send(text_response(200, std::string(5'000'000, 'x')));
  EXPECT_EQ(client.answer().body.size(), 5'000'000u);
}

TEST_F(HttpServerTest, LightRoutesPassBusyWorkers) {
  options.workers = 1;
  start();
  RawClient busy(server->port());
  busy.send("GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(soon([&] { return server->counters().active == 1; }));
  EXPECT_EQ(ask("GET /light HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "light");
  release.set_value();
  release = {};
}

TEST_F(HttpServerTest, RefusesMoreThanItCanServe) {
  options.limits.connections = 2;
  start();
  RawClient a(server->port()), b(server->port());
  EXPECT_EQ(a.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
  EXPECT_EQ(b.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
  const auto refused = ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "5");
  EXPECT_EQ(refused.header("connection"), "close");
  a.close();
  EXPECT_TRUE(soon([&] { return ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200; }));
}

TEST_F(HttpServerTest, ManyIdleConnections) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const rlim_t needed = 4096;
  if (files.rlim_cur < needed) {
    files.rlim_cur = std::min(needed, files.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < needed)
      GTEST_SKIP() << "skipped: too few descriptors";
  }
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    ASSERT_TRUE(clients.back()->connected());
  }
  for (const auto& c : clients) c->send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (const auto& c : clients) EXPECT_EQ(c->answer().body, "hello");
  EXPECT_EQ(server->counters().open, 1000u);
  EXPECT_EQ(clients[500]->ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "hello");
  clients.clear();
  EXPECT_TRUE(soon([&] { return server->counters().open == 0; }));
}

TEST_F(HttpServerTest, StopsWithGrace) {
  start();
  RawClient idle(server->port()), whole(server->port()), endless(server->port()), late(server->port());
  idle.ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  whole.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = next_held();
  endless.send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto stream = next_held();
  stream->start(200, {});
  late.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-");
  std::this_thread::sleep_for(50ms);
  std::thread stopping([&] { server->stop(1500ms); });
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(soon([&] { return !RawClient(server->port()).connected(); }));
  late.send("Length: 0\r\n\r\n");
  const auto refused = late.answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("connection"), "close");
  answer->send(text_response(200, "in time"));
  const auto last = whole.answer();
  EXPECT_EQ(last.body, "in time");
  EXPECT_EQ(last.header("connection"), "close");
  stopping.join();
  EXPECT_EQ(closed, 1);
  EXPECT_TRUE(stream->closed());
  stream->write("into the void");
  server.reset();
  stream->end();  // an exchange may outlive its server
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  start();
  options.port = server->port();
  HttpServer second(options, router);
  try {
    second.start();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("port {} of 127.0.0.1 is taken", options.port)));
  }
  options.port = 0;
  options.host = "no.such.host.invalid";
  EXPECT_THROW(HttpServer(options, router).start(), Error);
  options.certificate = "/nowhere";
  EXPECT_THROW(HttpServer(options, router).start(), Error);
}

TEST_F(HttpServerTest, TellsTheOperatorWhatTheClientMayNotKnow) {
  std::promise<std::string> told;
  options.problem = [&](std::string_view id, std::string_view what) { told.set_value(fmt::format("{} {}", id, what)); };
  start();
  ask("GET /error HTTP/1.1\r\nHost: localhost\r\n\r\n");  // its client knows
  ask("GET /oops HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: one\r\n\r\n");
  EXPECT_EQ(told.get_future().get(), "one secret path");
}

TEST_F(HttpServerTest, LogsEachAnswer) {
  start();
  ask("GET /hello?q=1 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: one\r\n\r\n");
  ASSERT_TRUE(soon([&] {
    const std::lock_guard lock(mutex);
    return log.size() == 1;
  }));
  EXPECT_EQ(log[0].id, "one");
  EXPECT_EQ(log[0].remote, "127.0.0.1");
  EXPECT_EQ(log[0].method, "GET");
  EXPECT_EQ(log[0].path, "/hello");
  EXPECT_EQ(log[0].status, 200);
  EXPECT_EQ(log[0].bytes, 5u);
  EXPECT_FALSE(log[0].aborted);
}

}  // namespace
}  // namespace dure

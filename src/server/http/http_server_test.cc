#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "server/http/http_server_fixture.h"

namespace dure {
namespace {

using testing::HasSubstr;
using testing::Not;

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

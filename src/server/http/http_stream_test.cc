// Answers that are written in pieces, as a client of a real server sees them.
#include "server/http/event_stream.h"

#include <gmock/gmock.h>

#include "server/http/http_server_fixture.h"

namespace dure {
namespace {

using testing::HasSubstr;
using testing::Not;

class HttpStreamTest : public HttpServerTest {};

TEST_F(HttpStreamTest, StreamsAsItIsWritten) {
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

TEST_F(HttpStreamTest, LinesWaitBehindSpaces) {
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

TEST_F(HttpStreamTest, ManyThreadsWriteWholeEvents) {
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

TEST_F(HttpStreamTest, HeadOfAStream) {
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

TEST_F(HttpStreamTest, DroppedInMidStreamCutsTheConnection) {
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

TEST_F(HttpStreamTest, WholeAnswersKeepTheirClients) {
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

TEST_F(HttpStreamTest, WhoWaitsForAStreamHearsThatTheServerLives) {
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

TEST_F(HttpStreamTest, StalledReaderDoesNotFillMemory) {
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

}  // namespace
}  // namespace dure

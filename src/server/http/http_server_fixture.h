#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <thread>

#include "base/error.h"
#include "server/http/http_server.h"
#include "server/http/raw_client.h"

namespace dure {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Waits for what other threads bring about.
inline bool soon(const std::function<bool()>& condition, std::chrono::milliseconds patience = 5s) {
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

}  // namespace dure

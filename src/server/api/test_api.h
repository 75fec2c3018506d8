#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "server/api/endpoints.h"
#include "server/api/server_context.h"
#include "server/http/recorded_exchange.h"

namespace dure {

/// For tests: all endpoints over a tiny model, without a network.
class TestApi : public testing::Test {
 protected:
  static ModelPoolOptions options() {
    ModelPoolOptions o;
    o.models = {{"tiny", DURE_TESTS_DIR "/fixtures/models-serve/serve-tiny", {"alias"}}};
    o.service.model.device.threads = 1;
    o.service.engine.max_model_len = 512;
    o.service.engine.max_num_seqs = 4;
    o.service.engine.max_num_waiting = 4;
    return o;
  }

  explicit TestApi(ModelPoolOptions o = options()) : pool_(std::move(o)) { add_api_routes(router_, context_); }

  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = {}) {
    return finish(begin(method, path, body));
  }
  /// Returns when the handler does, which may be before there is an answer.
  std::shared_ptr<RecordedExchange> begin(const std::string& method, const std::string& path, const std::string& body) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    for (size_t at = 1; at < path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      request.segments.push_back(path.substr(at, end - at));
      at = end + 1;
    }
    request.body = body;
    std::string allowed;
    const Route* route = router_.find(request, allowed);
    const auto exchange = std::make_shared<RecordedExchange>(
        std::move(request), route == nullptr ? ErrorFormat(openai_error) : route->options.errors);
    try {
      if (route == nullptr) throw not_found("no such path");
      route->handler(exchange);
    } catch (...) {
      exchange->send_error(std::current_exception());
    }
    return exchange;
  }
  static HttpResponse finish(const std::shared_ptr<RecordedExchange>& exchange) {
    for (int i = 0; i < 6000 && !exchange->ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(exchange->ended()) << exchange->request().body;
    return exchange->response();
  }
  Json post(const std::string& path, const Json& body, int status = 200) {
    const HttpResponse r = ask("POST", path, dump_json(body));
    EXPECT_EQ(r.status, status) << r.body;
    return parse_json(r.body, "answer");
  }
  /// The data of each event but [DONE], which must be the last.
  std::vector<Json> stream(const std::string& path, Json body) {
    body["stream"] = true;
    const HttpResponse r = ask("POST", path, dump_json(body));
    EXPECT_EQ(r.status, 200) << r.body;
    std::vector<Json> events;
    std::string last;
    for (size_t at = 0; at < r.body.size();) {
      const size_t end = r.body.find("\n\n", at);
      last = r.body.substr(at, end - at);
      at = end + 2;
      if (last.starts_with("data: {")) events.push_back(parse_json(last.substr(6), "event"));
    }
    EXPECT_EQ(last, "data: [DONE]");
    return events;
  }

  static Json chat(Json more = Json::object()) {
    Json body = {{"messages", Json::array({{{"role", "user"}, {"content", "Hello"}}})},
                 {"max_tokens", 8},
                 {"temperature", 0},
                 {"ignore_eos", true}};
    body.update(more);
    return body;
  }

  ServerStats stats_;
  ServerContext context_{pool_, stats_};
  ModelPool pool_;  // its requests tell the two above of their end
  Router router_;
};

}  // namespace dure

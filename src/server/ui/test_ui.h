#pragma once

#include "base/json.h"
#include "server/http/recorded_exchange.h"
#include "server/ui/ui_routes.h"

namespace dure {

/// For tests: the interface over a store in memory, called in process, without the rules of who may ask.
class TestUi {
 public:
  explicit TestUi(bool stored = true, UiLimits limits = {}, int64_t max_bytes = 0) {
    const auto now = [this] { return ++time; };
    if (stored) store = std::make_shared<ConversationStore>(ConversationStore::Options{"", max_bytes, now});
    add_ui_routes(router_, {.version = "test", .limits = limits, .store = store});
  }

  struct Answer {
    int status = 0;
    std::string etag, text;
    Json body;  ///< null unless the answer is JSON
    HttpHeaders headers;
    std::string code() const { return body.is_object() && body.contains("error") ? body["error"]["code"] : Json(""); }
    std::string param() const { return body["error"]["param"].is_string() ? body["error"]["param"] : Json(""); }
  };

  /// `target`: a path with its query, nothing in it encoded.
  Answer call(std::string method, std::string target, std::string body = "", HttpHeaders headers = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.body = std::move(body);
    request.headers = std::move(headers);
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    for (size_t at = 0; at < request.path.size();) {
      const size_t end = std::min(request.path.find('/', at + 1), request.path.size());
      request.segments.push_back(request.path.substr(at + 1, end - at - 1));
      at = end;
    }
    while (mark != std::string::npos && target.size() > mark + 1) {
      const size_t begin = target.rfind('&') == std::string::npos ? mark : target.rfind('&');
      const std::string field = target.substr(begin + 1);
      request.query.emplace(request.query.begin(), field.substr(0, field.find('=')), field.substr(field.find('=') + 1));
      target.resize(begin);
    }
    std::string allowed;
    const Route* route = router_.find(request, allowed);
    if (!route) return {allowed.empty() ? 404 : 405, "", "", nullptr, {}};
    const auto exchange = std::make_shared<RecordedExchange>(std::move(request));
    route->handler(exchange);
    const HttpResponse response = exchange->response();
    const bool json = response.headers.get("content-type") == "application/json";
    return {response.status, std::string(response.headers.get("etag")), response.body,
            json ? parse_json(response.body, "answer") : Json(nullptr), response.headers};
  }

  std::shared_ptr<ConversationStore> store;
  int64_t time = 0;  ///< of the store: ticks at each look

 private:
  Router router_;
};

}  // namespace dure

// Whatever bytes come over a connection, in whatever pieces, they are requests or an HttpError; what a request says of
// its target is text that names no place outside.

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "base/utf8.h"
#include "server/http/access.h"
#include "server/http/recorded_exchange.h"
#include "server/http/request_reader.h"
#include "server/http/router.h"

namespace {

void require_true(bool condition) {
  if (!condition) __builtin_trap();
}

dure::Router make_router() {
  dure::Router router;
  const auto handler = [](const auto& exchange) { exchange->send({}); };
  for (const char* pattern : {"/", "/v1/models", "/v1/models/{id...}", "/c/{id}/m/{message}", "/c/{id}"}) {
    router.add("GET", pattern, handler);
    router.add("POST", pattern, handler);
  }
  return router;
}

void check(const dure::HttpRequest& request) {
  for (const std::string& segment : request.segments) {
    require_true(!segment.empty() && segment != "." && segment != ".." && dure::is_utf8(segment));
    require_true(std::none_of(segment.begin(), segment.end(), [](char c) { return c == '\0' || c == '\n'; }));
  }
  for (const auto& [name, value] : request.query) require_true(dure::is_utf8(name) && dure::is_utf8(value));
}

void route(dure::HttpRequest request) {
  static const dure::Router router = make_router();
  dure::AccessRules rules;
  rules.origins = {"http://localhost:*"};
  rules.keys.add("sesame");
  rules.check_origin(request);
  rules.preflight(request);
  rules.check_key(request);
  std::string allowed;
  if (const dure::Route* found = router.find(request, allowed)) {
    const auto exchange = std::make_shared<dure::RecordedExchange>(std::move(request));
    found->handler(exchange);
    require_true(exchange->ended());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBody = 4096;
  if (size == 0) return 0;
  const size_t step = data[0] == 0 ? size : data[0];
  std::string left(reinterpret_cast<const char*>(data) + 1, size - 1), input;
  dure::RequestReader reader(1024);
  try {
    while (!left.empty()) {
      input += left.substr(0, step);
      left.erase(0, std::min(step, left.size()));
      const auto progress = reader.feed(input);
      if (progress == dure::RequestReader::Progress::header) {
        check(reader.request());
        reader.limit_body(kBody);
        continue;
      }
      if (progress == dure::RequestReader::Progress::more) continue;
      require_true(reader.request().body.size() <= kBody);
      route(reader.request());
      return 0;
    }
  } catch (const dure::HttpError& error) {
    require_true(error.status >= 400 && error.status < 600);
    require_true(!dure::openai_error(error).body.empty());
  }
  return 0;
}

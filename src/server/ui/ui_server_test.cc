// The interface as a client sees it: over HTTP, with the rules of who may ask.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "server/http/http_server.h"
#include "server/http/raw_client.h"
#include "server/ui/ui_routes.h"

namespace dure {
namespace {

using testing::HasSubstr;

class UiServer : public testing::Test {
 protected:
  UiServer() {
    UiOptions ui{.version = "test", .auth = true, .limits = {.body_bytes = 100'000}};
    ui.store = std::make_shared<ConversationStore>(ConversationStore::Options{folder_ / "conversations.db"});
    Router router;
    add_ui_routes(router, ui);
    HttpServerOptions options;
    options.limits.body_bytes = ui.limits.body_bytes;
    options.access.keys.add("secret");
    server_ = std::make_unique<HttpServer>(options, std::move(router));
    server_->start();
  }

  /// `more`: header lines, each with its line end.
  RawClient::Answer call(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::string& more = "", const std::string& key = "secret") {
    RawClient client(server_->port());
    const std::string length = body.empty() ? "" : fmt::format("Content-Length: {}\r\n", body.size());
    return client.ask(fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n{}{}\r\n{}",
                                  method, target, server_->port(), key, length, more, body));
  }

  TemporaryFolder folder_;
  std::unique_ptr<HttpServer> server_;
};

constexpr const char* kHeader = R"({"title":"검색엔진 A&B","settings":{},"head":null,"created_at":1})";
constexpr const char* kCreate = "If-None-Match: *\r\n";

TEST_F(UiServer, KeepsAConversation) {
  const auto created = call("PUT", "/ui/conversations/c", kHeader, kCreate);
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.header("etag"), "\"1\"");
  EXPECT_EQ(created.header("cache-control"), "no-store");
  EXPECT_EQ(created.header("content-type"), "application/json");

  const auto found = call("GET", "/ui/conversations?q=%EC%97%94%EC%A7%84+a%26B&limit=1");  // 엔진 a&B
  EXPECT_EQ(found.status, 200);
  EXPECT_THAT(found.body, HasSubstr(R"("id":"c")"));
  const auto got = call("GET", "/ui/conversations/c");
  EXPECT_EQ(got.header("cache-control"), "no-cache");
  const auto same = call("GET", "/ui/conversations/c", "", "If-None-Match: " + got.header("etag") + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("etag"), got.header("etag"));
  EXPECT_EQ(call("HEAD", "/ui/conversations/c").status, 200);
  EXPECT_EQ(call("DELETE", "/ui/conversations/c").status, 204);
  EXPECT_EQ(call("GET", "/ui/conversations/c").status, 404);
}

TEST_F(UiServer, LetsInWhoMayAsk) {
  EXPECT_EQ(call("GET", "/ui/config", "", "", "wrong").status, 200);
  for (const char* target : {"/ui/conversations", "/ui/conversations/c", "/ui/feedback.jsonl?format=sft"}) {
    const auto refused = call("GET", target, "", "", "wrong");
    EXPECT_EQ(refused.status, 401) << target;
    EXPECT_THAT(refused.body, HasSubstr("invalid_api_key"));
  }
  EXPECT_EQ(call("GET", "/ui/conversations", "", "Origin: http://evil.example\r\n").status, 403);
  const auto own = fmt::format("Origin: http://127.0.0.1:{}\r\n", server_->port());
  EXPECT_EQ(call("GET", "/ui/conversations", "", own).status, 200);
}

TEST_F(UiServer, RefusesWithItsStatuses) {
  const struct {
    const char *method, *target;
    std::string body;
    const char* more;
    int status;
    const char* code;
  } cases[] = {
      {"PUT", "/ui/conversations/c", kHeader, "", 428, "precondition_required"},
      {"PUT", "/ui/conversations/c", "{", kCreate, 400, "invalid_json"},
      {"PUT", "/ui/conversations/c", std::string(100'001, ' '), kCreate, 413, "too_large"},
      {"PUT", "/ui/conversations/a.b", kHeader, kCreate, 400, "invalid_field"},
      {"POST", "/ui/conversations/c", kHeader, "", 405, "method_not_allowed"},
      {"GET", "/ui/conversations/c/nothing/here", "", "", 404, "not_found"},
      {"GET", "/ui/conversations?cursor=nonsense", "", "", 400, "wrong_cursor"},
      {"GET", "/ui/feedback.jsonl", "", "", 400, "invalid_field"},
  };
  for (const auto& [method, target, body, more, status, code] : cases) {
    const auto answer = call(method, target, body, more);
    EXPECT_EQ(answer.status, status) << method << ' ' << target;
    EXPECT_THAT(answer.body, HasSubstr(fmt::format("\"code\":\"{}\"", code))) << method << ' ' << target;
  }
  EXPECT_EQ(call("POST", "/ui/conversations/c").header("allow"), "GET, HEAD, PUT, DELETE");
}

}  // namespace
}  // namespace dure

#include "server/http/static_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/http/recorded_exchange.h"
#include "server/http/target.h"

namespace dure {
namespace {

HttpResponse get(const Router& router, std::string_view target, HttpHeaders headers = {}) {
  HttpRequest request;
  request.method = "GET";
  request.headers = std::move(headers);
  parse_target(target, request);
  std::string allowed;
  const Route* route = router.find(request, allowed);
  if (!route) return {404};
  const auto exchange = std::make_shared<RecordedExchange>(request);
  route->handler(exchange);
  return exchange->response();
}

TEST(StaticFilesTest, ServesWithTheHeadersOfThePage) {
  const StaticFile files[] = {{"index.html", "<html>", "zipped"}, {"assets/a-1.woff2", "font", {}}};
  Router router;
  add_static_files(router, files);
  const HttpResponse page = get(router, "/");
  EXPECT_EQ(page.body, "<html>");
  EXPECT_EQ(page.headers.get("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.headers.get("cache-control"), "no-cache");
  EXPECT_TRUE(page.headers.get("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
  EXPECT_EQ(page.headers.get("x-content-type-options"), "nosniff");
  const HttpResponse font = get(router, "/assets/a-1.woff2", {{"accept-encoding", "gzip"}});
  EXPECT_EQ(font.body, "font");
  EXPECT_EQ(font.headers.get("content-type"), "font/woff2");
  EXPECT_EQ(font.headers.get("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_FALSE(font.headers.has("content-encoding"));
  for (const char* none : {"/index.html", "/assets", "/assets/b", "/assets%2Fa-1.woff2"}) {
    EXPECT_EQ(get(router, none).status, 404) << none;
  }
}

TEST(StaticFilesTest, Negotiates) {
  const StaticFile files[] = {{"index.html", "<html>", "zipped"}};
  Router router;
  add_static_files(router, files);
  for (const char* accept : {"gzip", "br, gzip;q=0.5", "deflate,gzip ; q=1.0"}) {
    const HttpResponse r = get(router, "/", {{"accept-encoding", accept}});
    EXPECT_EQ(r.body, "zipped") << accept;
    EXPECT_EQ(r.headers.get("content-encoding"), "gzip");
    EXPECT_EQ(r.headers.get("vary"), "Accept-Encoding");
  }
  for (const char* accept : {"", "br", "gzip;q=0", "gzip; q=0.000", "xgzip"}) {
    EXPECT_EQ(get(router, "/", {{"accept-encoding", accept}}).body, "<html>") << accept;
  }
  const std::string tag(get(router, "/").headers.get("etag"));
  const std::string zipped(get(router, "/", {{"accept-encoding", "gzip"}}).headers.get("etag"));
  EXPECT_NE(tag, zipped);
  EXPECT_EQ(get(router, "/", {{"if-none-match", "\"x\", W/" + tag}}).status, 304);
  EXPECT_EQ(get(router, "/", {{"if-none-match", tag}, {"accept-encoding", "gzip"}}).status, 200);
  EXPECT_EQ(get(router, "/", {{"if-none-match", "\"x\""}}).status, 200);
}

TEST(StaticFilesTest, ThePageIsInTheProgram) {
  Router router;
  add_static_files(router, web_bundle());
  const HttpResponse page = get(router, "/"), zipped = get(router, "/", {{"accept-encoding", "gzip"}});
  EXPECT_NE(page.body.find("<script"), page.body.npos);
  EXPECT_TRUE(zipped.body.starts_with("\x1f\x8b"));
  EXPECT_LT(zipped.body.size(), page.body.size());
  size_t assets = 0;
  for (const StaticFile& file : web_bundle()) {
    if (!file.path.starts_with("assets/")) continue;
    ++assets;
    EXPECT_EQ(get(router, fmt::format("/{}", file.path)).body, file.bytes);
    EXPECT_NE(page.headers.get("content-type"), "application/octet-stream");
  }
  EXPECT_GT(assets, 3u);
}

}  // namespace
}  // namespace dure

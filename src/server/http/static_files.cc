#include "server/http/static_files.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "base/ascii.h"
#include "base/error.h"

namespace dure {
namespace {

std::string_view type_of(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

std::string etag_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
          "the system's OpenSSL has no SHA-256");
  std::string etag = "\"";
  for (int i = 0; i < 8; ++i) etag += fmt::format("{:02x}", digest[i]);
  return etag + '"';
}

/// Calls `see` with each member of a comma-separated list.
template <typename See>
void each_member(std::string_view list, const See& see) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    see(ascii_trim(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

bool takes_gzip(const HttpRequest& request) {
  bool takes = false;
  each_member(request.headers.get("accept-encoding"), [&](std::string_view coding) {
    const size_t end = std::min(coding.find(';'), coding.size());
    const std::string_view weight = ascii_trim(coding.substr(std::min(end + 1, coding.size())));
    const bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == weight.npos;
    if (ascii_trim(coding.substr(0, end)) == "gzip") takes = !refused;
  });
  return takes;
}

bool has_already(const HttpRequest& request, std::string_view etag) {
  bool has = false;
  each_member(request.headers.get("if-none-match"), [&](std::string_view known) {
    if (known.starts_with("W/")) known.remove_prefix(2);
    has |= known == etag || known == "*";
  });
  return has;
}

HttpHeaders headers_of(const StaticFile& file) {
  HttpHeaders headers{{"content-type", type_of(file.path)}, {"x-content-type-options", "nosniff"}};
  if (file.path.starts_with("assets/")) {
    headers.add("cache-control", "public, max-age=31536000, immutable");
  } else {
    headers.add("cache-control", "no-cache");
    headers.add("content-security-policy", kPolicy);
    headers.add("referrer-policy", "no-referrer");
    headers.add("cross-origin-opener-policy", "same-origin");
  }
  if (!file.gzip.empty()) headers.add("vary", "Accept-Encoding");
  return headers;
}

HttpResponse serve(const HttpRequest& request, const StaticFile& file, const HttpHeaders& headers,
                   const std::string& etag) {
  HttpResponse response{200, headers};
  // Another encoding is another representation, and has another tag.
  const bool gzip = !file.gzip.empty() && takes_gzip(request);
  const std::string tag = gzip ? etag.substr(0, etag.size() - 1) + "-gz\"" : etag;
  response.headers.add("etag", tag);
  if (has_already(request, tag)) {
    response.status = 304;
    return response;
  }
  if (gzip) response.headers.add("content-encoding", "gzip");
  response.body = gzip ? file.gzip : file.bytes;
  return response;
}

}  // namespace

void add_static_files(Router& router, std::span<const StaticFile> files) {
  for (const StaticFile& file : files) {
    const std::string path = fmt::format("/{}", file.path == "index.html" ? "" : file.path);
    auto handler = [file, headers = headers_of(file), etag = etag_of(file.bytes)](const auto& exchange) {
      exchange->send(serve(exchange->request(), file, headers, etag));
    };
    router.add("GET", path, std::move(handler), {.needs_key = false, .light = true});
  }
}

}  // namespace dure

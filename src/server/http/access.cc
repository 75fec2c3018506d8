#include "server/http/access.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"
#include "base/file.h"

namespace dure {
namespace {

std::array<unsigned char, 32> digest_of(std::string_view key) {
  std::array<unsigned char, 32> digest{};
  require(EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
          "the system's OpenSSL has no SHA-256");
  return digest;
}

/// "host:80" and "host" are the same place to a browser, which leaves the usual ports out.
std::string authority_of(std::string_view host) {
  std::string out = ascii_lower(host);
  for (const std::string_view usual : {":80", ":443"}) {
    if (out.ends_with(usual)) return out.substr(0, out.size() - usual.size());
  }
  return out;
}

/// The name in "name:port" or "[::1]:port", without brackets.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return ascii_lower(host.substr(1, std::min(host.find(']'), host.size()) - 1));
  return ascii_lower(host.substr(0, host.find(':')));
}

bool is_address(const std::string& name) {
  in6_addr parsed;
  return inet_pton(AF_INET, name.c_str(), &parsed) == 1 || inet_pton(AF_INET6, name.c_str(), &parsed) == 1;
}

/// Whether an origin is the one allowed: equal, or with any port where it says ":*".
bool fits(std::string_view allowed, std::string_view origin) {
  if (allowed == "*") return true;
  if (!allowed.ends_with(":*")) return ascii_lower(allowed) == ascii_lower(origin);
  allowed.remove_suffix(2);
  if (!ascii_lower(origin).starts_with(ascii_lower(allowed))) return false;
  const std::string_view rest = origin.substr(allowed.size());
  return rest.empty() || (rest[0] == ':' && rest.find_first_not_of("0123456789", 1) == rest.npos);
}

bool lists(const std::vector<std::string>& allowed, std::string_view origin) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) { return fits(one, origin); });
}

/// The page of this very server asks. The scheme does not count: a proxy in front may be the one that speaks TLS.
bool is_own(std::string_view origin, const HttpRequest& request) {
  const size_t scheme = origin.find("://");
  return scheme != origin.npos && authority_of(origin.substr(scheme + 3)) == authority_of(request.headers.get("host"));
}

std::string_view presented_key(const HttpRequest& request) {
  const std::string_view authorization = request.headers.get("authorization");
  if (ascii_lower(authorization.substr(0, 7)) == "bearer ") return ascii_trim(authorization.substr(7));
  return request.headers.get("x-api-key");
}

}  // namespace

void ApiKeys::add(std::string_view key) {
  require(!key.empty(), "an API key is empty");
  require(std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; }),
          "an API key may hold printable ASCII characters only, without blanks");
  digests_.push_back(digest_of(key));
}

void ApiKeys::load(const std::filesystem::path& file) {
  const std::string text = read_file(file, 1 << 20);
  const size_t before = digests_.size();
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = ascii_trim(rest.substr(0, end));
    if (!line.empty() && line[0] != '#') add(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  require(digests_.size() > before, "{}: no API key in it; one per line is expected", file.string());
}

bool ApiKeys::accept(std::string_view key) const {
  const auto digest = digest_of(key);
  bool found = false;
  for (const auto& known : digests_) found |= CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0;
  return found;
}

void AccessRules::check_origin(const HttpRequest& request) const {
  const auto host = request.headers.all("host");
  if (host.size() > 1 || (host.empty() && request.minor > 0)) throw bad_request("exactly one Host header is expected");
  const std::string name = host.empty() ? "localhost" : host_name(host[0]);
  const bool known = name == "localhost" || name.ends_with(".localhost") || is_address(name) ||
                     std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return ascii_lower(h) == name; });
  if (loopback && !known) {
    throw HttpError(403, "permission_error", "wrong_host", fmt::format("this server is not known as {}", quote(name)));
  }
  const auto origin = request.headers.all("origin");
  if (origin.size() > 1) throw bad_request("more than one Origin header");
  if (!origin.empty() && !is_own(origin[0], request) && !lists(origins, origin[0])) {
    throw HttpError(403, "permission_error", "wrong_origin",
                    fmt::format("requests of other sites are refused: {}", quote(origin[0])));
  }
}

void AccessRules::check_key(const HttpRequest& request) const {
  if (keys.empty()) return;
  const std::string_view key = presented_key(request);
  if (!key.empty() && keys.accept(key)) return;
  throw HttpError(401, "authentication_error", "invalid_api_key",
                  key.empty() ? "an API key is needed: Authorization: Bearer KEY" : "the API key is wrong", {},
                  {{"www-authenticate", "Bearer"}});
}

std::optional<HttpResponse> AccessRules::preflight(const HttpRequest& request) const {
  const std::string_view origin = request.headers.get("origin");
  const bool asks = request.method == "OPTIONS" && request.headers.has("access-control-request-method");
  if (!asks || !lists(origins, origin)) return std::nullopt;
  HttpResponse response{204, {{"access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE"}}};
  // A key has to be shown for whatever they do, so which headers a client adds (x-stainless-*, mcp-*) is its business.
  const std::string_view wanted = request.headers.get("access-control-request-headers");
  if (!wanted.empty()) response.headers.add("access-control-allow-headers", wanted);
  if (request.headers.has("access-control-request-private-network")) {
    response.headers.add("access-control-allow-private-network", "true");
  }
  response.headers.add("access-control-max-age", "600");
  response.headers.add("vary", "Access-Control-Request-Headers");
  return response;
}

HttpHeaders AccessRules::cors_headers(const HttpRequest& request) const {
  if (origins.empty()) return {};
  const std::string_view origin = request.headers.get("origin");
  HttpHeaders headers{{"vary", "Origin"}};
  if (!lists(origins, origin)) return headers;
  headers.add("access-control-allow-origin", origin);
  headers.add("access-control-expose-headers", "x-request-id, retry-after, www-authenticate, etag, mcp-session-id");
  return headers;
}

}  // namespace dure

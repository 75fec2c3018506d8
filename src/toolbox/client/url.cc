#include "toolbox/client/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/ascii.h"
#include "base/error.h"

namespace dure {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

constexpr size_t kMaxUrl = 16 << 10;

/// Null if it is not an absolute URL of http or https.
UrlHandle parse_url(const std::string& text) {
  UrlHandle url(curl_url());
  if (!url || text.size() > kMaxUrl || text.find('\0') != text.npos) return nullptr;
  // Without CURLU_GUESS_SCHEME and the like: only what is a whole URL by itself.
  return curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK ? std::move(url) : nullptr;
}

std::string part_of(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool is_http(const UrlHandle& url) {
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !part_of(url, CURLUPART_HOST).empty() &&
         part_of(url, CURLUPART_USER).empty() && part_of(url, CURLUPART_PASSWORD).empty();
}

}  // namespace

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain || keep.find(c) != keep.npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void require_http_url(const std::string& url, std::string_view what) {
  require(is_http(parse_url(url)), "{}: expected http://HOST or https://HOST, found {}", what, quote(url));
}

std::string origin_of(const std::string& text) {
  const UrlHandle url = parse_url(text);
  if (!is_http(url)) return "";
  return fmt::format("{}://{}:{}", part_of(url, CURLUPART_SCHEME), ascii_lower(part_of(url, CURLUPART_HOST)),
                     part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

bool is_loopback_url(const std::string& text) {
  const std::string host = ascii_lower(part_of(parse_url(text), CURLUPART_HOST));
  const bool number = host.find_first_not_of("0123456789.") == host.npos;  // no name such as 127.example
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || (number && host.starts_with("127."));
}

std::string follow_location(const std::string& base, const std::string& location) {
  const UrlHandle url = parse_url(base);
  const std::string from = origin_of(base);
  require(is_http(url) && !location.empty() && location.size() <= kMaxUrl && location.find('\0') == location.npos &&
              curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) == CURLUE_OK && is_http(url),
          "{}: the server redirects to something that is no http or https URL", from);
  require(part_of(url, CURLUPART_SCHEME) == "https" || !from.starts_with("https:"),
          "{}: the server redirects from https to http, which would not be safe", from);
  return part_of(url, CURLUPART_URL);
}

std::string next_link(std::string_view header) {
  // <url>; rel="next", <url>; rel="last"
  while (!header.empty()) {
    const size_t open = header.find('<');
    const size_t close = header.find('>', open);
    if (close == header.npos) return "";
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    const std::string_view parameters = header.substr(0, header.find('<'));
    if (parameters.find("rel=\"next\"") != parameters.npos || parameters.find("rel=next") != parameters.npos)
      return std::string(target);
  }
  return "";
}

}  // namespace dure

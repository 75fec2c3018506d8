#include "toolbox/hub/session.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "toolbox/client/url.h"

namespace dure {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxRedirects = 10;
constexpr auto kFirstPause = 500ms;
constexpr auto kLongestPause = 30s;      // of our own pauses
constexpr auto kLongestWait = 10 * 60s;  // that a server may ask for

/// `W/"x"` and `"x"` are x, as the names of blobs in the cache are made.
std::string without_quotes(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

}  // namespace

HubSession::HubSession(const HubOptions& options, HubName name, StopCheck stop)
    : options_(options), name_(std::move(name)), stop_(stop), http_(options.stall, std::move(stop)) {
  require_http_url(options.endpoint, "the hub's address (HF_ENDPOINT)");
  origin_ = origin_of(options.endpoint);
  // A token goes into a header: nothing in it may end the line. It is never shown.
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  require(options.token.size() <= 4096 && std::all_of(options.token.begin(), options.token.end(), printable),
          "the token (HF_TOKEN or the token file) holds characters that no token has");
}

HubSession::Reply HubSession::get(HttpCall request, const std::function<bool(const Reply&)>& accept) {
  const std::vector<std::string> headers = request.headers;
  Reply reply;
  const auto take = [&](const HttpReply& r) {
    static_cast<HttpReply&>(reply) = r;
    if (is_endpoint(reply) && reply.linked_etag.empty()) reply.linked_etag = without_quotes(r.header("x-linked-etag"));
  };
  request.on_headers = [&](const HttpReply& r) {
    take(r);
    return !r.redirects() && (!accept || accept(reply));
  };
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    reply.host = origin_of(request.url);
    request.headers = headers;
    if (!options_.token.empty() && is_endpoint(reply))
      request.headers.push_back("Authorization: Bearer " + options_.token);
    take(http_.send(request));
    if (!reply.redirects()) return reply;
    request.url = follow_location(request.url, reply.header("location"));
  }
  fail("{}: more than {} redirects", name_.text(), kMaxRedirects);
}

std::string HubSession::get_text(const std::string& url, size_t max_bytes, HttpReply* out) {
  for (;;) {
    std::string text;
    HttpCall request{url, {}, {}, [&](std::string_view part) {
                       require(text.size() + part.size() <= max_bytes, "{}: the hub answers with more than {} bytes",
                               name_.text(), max_bytes);
                       text += part;
                     }};
    Reply reply = get(std::move(request));
    if (reply.ok()) {
      progressed();
      if (out != nullptr) *out = std::move(reply);
      return text;
    }
    if (!reply.may_pass()) refuse(name_.text(), reply);
    pause(name_.text(), reply);
  }
}

void HubSession::pause(const std::string& subject, const Reply& reply) {
  if (++in_vain_ > options_.retries)
    fail("{}: {} ({}){}", subject, reply.what(), reply.host,
         options_.retries > 0 ? fmt::format("; gave up after {} attempts", in_vain_) : "");
  require(reply.retry_after <= kLongestWait, "{}: {} ({}) and asks to wait {} seconds; try again then", subject,
          reply.what(), reply.host, reply.retry_after.count());
  std::chrono::milliseconds left = kFirstPause * (1 << std::min(in_vain_ - 1, 10));
  left =
      std::max<std::chrono::milliseconds>(std::min<std::chrono::milliseconds>(left, kLongestPause), reply.retry_after);
  if (on_pause) on_pause(reply.what(), std::chrono::ceil<std::chrono::seconds>(left));
  for (; left > 0ms; left -= 50ms) {
    if (stop_()) throw HttpStopped{};
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(left, 50ms));
  }
}

void HubSession::refuse(const std::string& subject, const Reply& reply) const {
  require(reply.problem.empty(), "{}: {} ({})", subject, reply.problem, reply.host);
  const std::string code = reply.header("x-error-code");
  const std::string page = options_.endpoint + "/" + name_.id;
  const bool has_token = !options_.token.empty();
  if (code == "GatedRepo" && has_token)
    fail("{} is gated and your account has no access yet: accept its terms at {}, then try again", name_.id, page);
  if (code == "GatedRepo")
    fail("{} is gated: accept its terms at {} and set HF_TOKEN to a token of your account ({}/settings/tokens)",
         name_.id, page, options_.endpoint);
  if (code == "RevisionNotFound")
    fail("{} has no revision {}; {}/tree/main shows those that it has", name_.id, quote(name_.revision), page);
  if (code == "EntryNotFound") fail("{}: the hub has no such file in {}", subject, name_.text());
  if (reply.status == 401 && has_token && code != "RepoNotFound")
    fail("{}: {} does not accept your token; check HF_TOKEN and the token file", name_.id, options_.endpoint);
  if (reply.status == 401 || reply.status == 404 || code == "RepoNotFound")
    fail("{}: {} has no such model, or it is private{}", name_.id, options_.endpoint,
         has_token ? " and your token does not open it" : ": then set HF_TOKEN");
  if (reply.status == 403)
    fail("{}: {} refuses access{}", name_.id, page,
         has_token ? "; check what your token permits" : "; set HF_TOKEN to a token of your account");
  fail("{}: {} ({})", subject, reply.what(), reply.host);
}

}  // namespace dure

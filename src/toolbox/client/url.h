#pragma once

#include <string>
#include <string_view>

namespace dure {

/// Every byte but letters, digits, "-._~" and those of `keep` as %XX.
std::string percent_encode(std::string_view text, std::string_view keep = "");

/// Throws Error unless this is an http or https URL with a host and without a user's name; `what` begins the message.
void require_http_url(const std::string& url, std::string_view what);

/// Scheme, host and port: what may see a token. Empty if it is no URL.
std::string origin_of(const std::string& url);

/// Whether the URL's host is this machine: localhost or below it, 127.0.0.0/8, [::1].
bool is_loopback_url(const std::string& url);

/// Where a redirect from `base` leads; `location` may be relative (RFC 3986, section 5).
/// Throws Error if that is no http or https URL, or leads from https to http.
std::string follow_location(const std::string& base, const std::string& location);

/// The target of rel="next" in a Link header (RFC 8288), as written there; empty if there is none.
std::string next_link(std::string_view header);

}  // namespace dure

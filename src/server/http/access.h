#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/http.h"

namespace dure {

/// The keys that clients may show. Kept as digests, so that comparing takes the same time whatever is wrong.
class ApiKeys {
 public:
  /// Throws Error if the key is empty or not printable ASCII without blanks.
  void add(std::string_view key);
  /// One key per line; empty lines and lines with # in front are skipped. Throws Error if there is none.
  void load(const std::filesystem::path& file);

  bool empty() const { return digests_.empty(); }
  bool accept(std::string_view key) const;

 private:
  std::vector<std::array<unsigned char, 32>> digests_;
};

/// Who may ask. Everything here concerns a request's header alone.
struct AccessRules {
  ApiKeys keys = {};                      ///< empty: everyone may
  std::vector<std::string> origins = {};  ///< "https://app.example", "http://localhost:*" or "*": other sites (CORS)
  std::vector<std::string> hosts = {};    ///< further names of this server, for its own pages and against DNS rebinding
  bool loopback = true;                   ///< bound to loopback: other names in Host are refused; set by the server

  /// Throws HttpError 400 or 403 for a Host or an Origin that this server does not serve.
  void check_origin(const HttpRequest& request) const;
  /// Throws HttpError 401.
  void check_key(const HttpRequest& request) const;

  /// The answer to a CORS preflight from an allowed origin.
  std::optional<HttpResponse> preflight(const HttpRequest& request) const;
  /// What each answer says to an allowed origin; empty if no origin is allowed.
  HttpHeaders cors_headers(const HttpRequest& request) const;
};

}  // namespace dure

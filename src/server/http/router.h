#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http/http.h"

namespace dure {

struct RouteOptions {
  bool needs_key = true;
  size_t max_body = 0;                ///< bytes; 0: what the server allows
  ErrorFormat errors = openai_error;  ///< also for what goes wrong before the handler runs
  /// The handler neither waits nor computes: it runs on the network's thread, and so past all workers that are busy.
  bool light = false;
};

struct Route {
  std::string method;
  std::vector<std::string> pattern;  ///< segments
  Handler handler;
  RouteOptions options;
};

/// From method and path to a handler. A pattern's segments are literal, "{name}" for any one segment, or, at the end,
/// "{name...}" for one or more. Where several patterns fit, the one that is literal for longer wins.
class Router {
 public:
  /// "GET" serves HEAD as well. Throws Error if the pattern is malformed or is there already.
  void add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options = {});

  /// The route of a request, whose `parameters` it fills. Null: none; `allowed` then names the methods that the path
  /// has ("GET, HEAD"), empty if there is no such path.
  const Route* find(HttpRequest& request, std::string& allowed) const;

  /// How errors are written below `prefix` ("/v1/messages", whole segments), for paths that have no route too.
  void set_errors(std::string_view prefix, ErrorFormat errors);
  const ErrorFormat& errors(const HttpRequest& request) const;

 private:
  std::vector<Route> routes_;  ///< in the order of precedence
  std::vector<std::pair<std::vector<std::string>, ErrorFormat>> errors_;
};

}  // namespace dure

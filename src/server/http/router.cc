#include "server/http/router.h"

#include <algorithm>

#include "base/error.h"

namespace dure {
namespace {

enum class SegmentKind { literal, one, rest };  // in the order of precedence

SegmentKind kind(std::string_view segment) {
  if (!segment.starts_with('{')) return SegmentKind::literal;
  return segment.ends_with("...}") ? SegmentKind::rest : SegmentKind::one;
}

std::string name_of(std::string_view segment) {
  return std::string(segment.substr(1, segment.size() - (kind(segment) == SegmentKind::rest ? 5 : 2)));
}

std::vector<std::string> split(std::string_view path) {
  require(path.starts_with('/'), "a route must begin with a slash: {}", path);
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    if (end > 0) segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

std::vector<SegmentKind> kinds(const std::vector<std::string>& pattern) {
  std::vector<SegmentKind> out;
  std::transform(pattern.begin(), pattern.end(), std::back_inserter(out), kind);
  return out;
}

/// Two patterns that fit the same paths.
bool same_paths(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return kinds(a) == kinds(b) && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return kind(x) != SegmentKind::literal || x == y;
         });
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i >= path.size()) return false;
    if (kind(pattern[i]) == SegmentKind::rest) return true;
    if (kind(pattern[i]) == SegmentKind::literal && pattern[i] != path[i]) return false;
  }
  return pattern.size() == path.size();
}

std::map<std::string, std::string> parameters_of(const std::vector<std::string>& pattern,
                                                 const std::vector<std::string>& path) {
  std::map<std::string, std::string> parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (kind(pattern[i]) == SegmentKind::literal) continue;
    std::string value = path[i];
    for (size_t k = i + 1; kind(pattern[i]) == SegmentKind::rest && k < path.size(); ++k)
      value.append("/").append(path[k]);
    parameters[name_of(pattern[i])] = value;
  }
  return parameters;
}

void name_method(std::string& allowed, std::string_view method) {
  if (!allowed.empty()) allowed += ", ";
  allowed += method;
  if (method == "GET") allowed += ", HEAD";
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options) {
  Route route{std::string(method), split(pattern), std::move(handler), std::move(options)};
  for (size_t i = 0; i < route.pattern.size(); ++i) {
    const std::string& segment = route.pattern[i];
    if (kind(segment) == SegmentKind::literal) continue;
    require(segment.ends_with('}') && !name_of(segment).empty(), "a route has a malformed parameter: {}", pattern);
    require(kind(segment) == SegmentKind::one || i + 1 == route.pattern.size(), "only the last segment takes all: {}",
            pattern);
  }
  for (const Route& other : routes_) {
    require(other.method != route.method || !same_paths(other.pattern, route.pattern), "two routes for {} {}", method,
            pattern);
  }
  const auto place = std::upper_bound(routes_.begin(), routes_.end(), route, [](const Route& a, const Route& b) {
    return kinds(a.pattern) < kinds(b.pattern);
  });
  routes_.insert(place, std::move(route));
}

const Route* Router::find(HttpRequest& request, std::string& allowed) const {
  allowed.clear();
  for (const Route& route : routes_) {
    if (!matches(route.pattern, request.segments)) continue;
    if (route.method == request.method) {
      request.parameters = parameters_of(route.pattern, request.segments);
      allowed.clear();
      return &route;
    }
    if (allowed.find(route.method) == allowed.npos) name_method(allowed, route.method);
  }
  return nullptr;
}

void Router::set_errors(std::string_view prefix, ErrorFormat errors) {
  errors_.emplace_back(split(prefix), std::move(errors));
}

const ErrorFormat& Router::errors(const HttpRequest& request) const {
  static const ErrorFormat usual = openai_error;
  for (const auto& [prefix, errors] : errors_) {
    const bool fits =
        prefix.size() <= request.segments.size() && std::equal(prefix.begin(), prefix.end(), request.segments.begin());
    if (fits) return errors;
  }
  return usual;
}

}  // namespace dure

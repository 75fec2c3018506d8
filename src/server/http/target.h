#pragma once

#include <string_view>

#include "server/http/http.h"

namespace dure {

/// Fills path, segments and query of a request from its target: "/a/b?c=d", "http://host/a" or "*" (an empty path).
/// Segments are split before they are decoded, empty ones and a slash at the end are dropped. Throws HttpError 400 for
/// "." and ".." however they are written, broken percent-encoding, text that is not UTF-8, and control characters.
void parse_target(std::string_view target, HttpRequest& request);

}  // namespace dure

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/http/http.h"

namespace dure {

/// How the end of an answer can be told, and what becomes of the connection.
struct Framing {
  std::optional<uint64_t> length = {};  ///< Content-Length
  bool chunked = false;
  bool close = false;
  bool say_keep_alive = false;  ///< HTTP/1.0 does not take it for granted
};

/// Status line, header and empty line. Fields that frame the message are this function's, whoever else sets them;
/// control characters in values become blanks.
std::string response_head(int status, const HttpHeaders& headers, const Framing& framing);

/// Whether an answer of this status has no body by definition.
bool is_bodiless(int status);

}  // namespace dure

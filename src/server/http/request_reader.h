#pragma once

#include <memory>
#include <string>

#include "server/http/http.h"

namespace dure {

/// Reads one request from bytes as they come. What RFC 9112 leaves to two readings (smuggling) is refused.
class RequestReader {
 public:
  enum class Progress {
    more,    ///< all that could be used of the bytes is used
    header,  ///< returned once: request() has all but its body
    done     ///< request() is whole; what is left of the bytes belongs to the next one
  };

  explicit RequestReader(size_t header_bytes);
  ~RequestReader();

  /// Takes what it uses off the front of `bytes`. Throws HttpError 400, 417, 431, 501, 505, and 413 while reading the
  /// body; the connection cannot go on then.
  Progress feed(std::string& bytes);

  HttpRequest& request();
  bool keep_alive() const;        ///< as the client wishes; REQUIRES: the header is there; also below
  bool expects_continue() const;  ///< the client waits for a word before it sends the body
  bool has_body() const;          ///< announced and not read yet
  /// The body's length is known and at most this.
  bool body_within(size_t bytes) const;
  /// Throws HttpError 413 if the body is known to be longer.
  void limit_body(size_t bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure

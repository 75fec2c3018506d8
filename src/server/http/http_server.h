#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/access.h"
#include "server/http/router.h"

namespace dure {

struct HttpLimits {
  size_t header_bytes = 64 << 10;
  size_t body_bytes = size_t{32} << 20;
  size_t queued_bytes = size_t{8} << 20;     ///< of a stream that its client does not read; beyond, it counts as closed
  int connections = 4096;                    ///< further ones get 503; lowered to what file descriptors there are
  std::chrono::milliseconds idle{75'000};    ///< between two requests of a connection
  std::chrono::milliseconds header{20'000};  ///< from the first byte of a request to the end of its header; TLS, too
  std::chrono::milliseconds upload{30'000};  ///< without a byte of the body
  std::chrono::milliseconds write{60'000};   ///< without a byte that the client takes
};

/// One line of an access log, once an answer has ended.
struct AccessRecord {
  std::string id, remote, method, path;
  int status = 0;
  uint64_t bytes = 0;  ///< of the body, as sent
  double seconds = 0;  ///< from the whole header to the end
  bool aborted = false;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";          ///< name or address; "::" and "0.0.0.0": all
  uint16_t port = 0;                       ///< 0: any free one
  std::filesystem::path certificate, key;  ///< PEM, both or none; with them TLS 1.2 or newer
  int workers = 4;                         ///< threads for handlers
  int io_threads = 1;
  HttpLimits limits = {};
  AccessRules access = {};
  std::function<void(const AccessRecord&)> log = {};  ///< on the network's thread
  /// What a handler threw that its client learns nothing of (500), on a worker's thread.
  std::function<void(std::string_view request_id, std::string_view what)> problem = {};
};

struct HttpCounters {
  uint64_t connections = 0, refused = 0, requests = 0;  ///< since the start
  uint64_t open = 0, active = 0;                        ///< connections and requests now
};

/// HTTP/1.1 on one address. Connections wait on one or two threads, however many there are; handlers run on a few more.
class HttpServer {
 public:
  HttpServer(HttpServerOptions options, Router router);
  ~HttpServer();  ///< stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Throws Error: no such address, the port is taken, or a certificate that cannot be used.
  void start();
  uint16_t port() const;
  std::string url() const;  ///< "http://127.0.0.1:8080", with the host as it was given

  /// Takes no further connections and requests, waits for the running answers, and after `grace` closes what is left.
  /// Returns when all threads have ended. Not from a handler.
  void stop(std::chrono::milliseconds grace);

  /// Runs a task on a thread for handlers; one that comes after stop() is dropped.
  void post(std::function<void()> task);

  HttpCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure

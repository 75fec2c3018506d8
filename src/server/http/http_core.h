#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "server/http/byte_stream.h"
#include "server/http/http_server.h"

namespace dure {

class Connection;

/// What a server's connections share. Outlives them all.
struct HttpCore {
  HttpCore(HttpServerOptions o, Router r) : options(std::move(o)), router(std::move(r)) {}

  HttpServerOptions options;
  const Router router;
  std::shared_ptr<TlsContext> tls;
  boost::asio::io_context io;
  boost::asio::thread_pool workers{static_cast<size_t>(std::max(options.workers, 1))};

  std::atomic<bool> stopping = false;
  std::atomic<uint64_t> connections = 0, refused = 0, requests = 0, active = 0;

  std::mutex mutex;                                      ///< of what follows
  std::unordered_set<std::shared_ptr<Connection>> open;  ///< keeps them alive
  std::condition_variable none_open;

  void remove(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex);
    open.erase(connection);
    if (open.empty()) none_open.notify_all();
  }
};

}  // namespace dure

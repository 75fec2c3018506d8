#include "server/http/http_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "server/http/connection.h"

namespace dure {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int kRefusing = 64;           // connections beyond the limit that are told so, at once
constexpr int kSpareDescriptors = 128;  // for models, databases and what else a process opens

int most_connections(int wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  const auto room = static_cast<int64_t>(files.rlim_cur) - kSpareDescriptors - kRefusing;
  return static_cast<int>(std::clamp<int64_t>(room, std::min<int64_t>(16, wanted), wanted));
}

std::vector<tcp::endpoint> resolve(asio::io_context& io, const std::string& host, uint16_t port) {
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  require(!error && !found.empty(), "{}: no such address to listen on: {}", quote(host), error.message());
  std::vector<tcp::endpoint> endpoints;
  for (const auto& entry : found) {
    if (std::find(endpoints.begin(), endpoints.end(), entry.endpoint()) == endpoints.end()) {
      endpoints.push_back(entry.endpoint());
    }
  }
  return endpoints;
}

tcp::acceptor listen(asio::io_context& io, const tcp::endpoint& endpoint, error_code& error) {
  tcp::acceptor acceptor(asio::make_strand(io));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  const bool all = endpoint.address().is_v6() && endpoint.address().is_unspecified();
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(!all), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  return acceptor;
}

void tune(tcp::socket& socket, std::chrono::milliseconds write_limit) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(tcp::socket::keep_alive(true), ignored);
  // A machine that fell silent is found out even though small answers disappear into buffers.
  const auto timeout = static_cast<unsigned>(write_limit.count());
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpServerOptions options, Router router) : core(std::move(options), std::move(router)) {}

  struct Listener {
    explicit Listener(tcp::acceptor a) : acceptor(std::move(a)), pause(acceptor.get_executor()) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  HttpCore core;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::vector<std::thread> threads;
  uint16_t port = 0;
  size_t most = 0;
  bool stopped = false;

  void open() {
    HttpServerOptions& options = core.options;
    std::string problem = "no address";
    for (tcp::endpoint endpoint : resolve(core.io, options.host, options.port)) {
      if (port != 0) endpoint.port(port);
      error_code error;
      tcp::acceptor acceptor = listen(core.io, endpoint, error);
      require(error != asio::error::address_in_use, "port {} of {} is taken by another program", endpoint.port(),
              endpoint.address().to_string());
      if (error) {  // a name may stand for an address of a kind that this machine does not have
        problem = error.message();
        continue;
      }
      options.access.loopback = options.access.loopback && endpoint.address().is_loopback();
      port = acceptor.local_endpoint().port();
      listeners.push_back(std::make_unique<Listener>(std::move(acceptor)));
    }
    require(!listeners.empty(), "cannot listen on {}: {}", quote(options.host), problem);
  }

  void accept(Listener& listener) {
    // Each connection is served by one thread at a time, whichever it is.
    listener.acceptor.async_accept(asio::make_strand(core.io), [&](const error_code& error, tcp::socket socket) {
      if (!listener.acceptor.is_open() || error == asio::error::operation_aborted) return;
      if (error) return rest(listener);
      try {
        add(std::move(socket));
      } catch (const std::exception&) {  // no memory: this one is closed
        ++core.refused;
      }
      accept(listener);
    });
  }

  /// Without a free file descriptor the next attempt would fail at once, and so on, at full speed.
  void rest(Listener& listener) {
    listener.pause.expires_after(std::chrono::milliseconds(100));
    listener.pause.async_wait([&](const error_code& error) {
      if (!error && listener.acceptor.is_open()) accept(listener);
    });
  }

  void add(tcp::socket socket) {
    tune(socket, core.options.limits.write);
    const auto executor = socket.get_executor();
    std::shared_ptr<Connection> connection;
    bool room = false;
    {
      const std::lock_guard lock(core.mutex);
      if (core.stopping || core.open.size() >= most + kRefusing) {
        ++core.refused;
        return;  // closes it
      }
      room = core.open.size() < most;
      connection = std::make_shared<Connection>(core, make_stream(std::move(socket), core.tls));
      core.open.insert(connection);
    }
    ++(room ? core.connections : core.refused);
    asio::post(executor, [connection, room] { room ? connection->run() : connection->refuse(); });
  }

  /// What a callback throws ends that connection's work, not the server's.
  void serve() {
    for (;;) {
      try {
        core.io.run();
        return;
      } catch (...) {}
    }
  }

  void each_connection(void (Connection::*call)()) {
    const std::lock_guard lock(core.mutex);
    for (const auto& connection : core.open) (connection.get()->*call)();
  }

  void wait_until_none_open(std::chrono::milliseconds grace) {
    std::unique_lock lock(core.mutex);
    core.none_open.wait_for(lock, grace, [&] { return core.open.empty(); });
  }
};

HttpServer::HttpServer(HttpServerOptions options, Router router)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router))) {}

HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

void HttpServer::start() {
  HttpServerOptions& options = impl_->core.options;
  require(options.certificate.empty() == options.key.empty(), "TLS needs both a certificate and its key");
  if (!options.certificate.empty()) impl_->core.tls = make_tls(options.certificate, options.key);
  impl_->open();
  impl_->most = static_cast<size_t>(most_connections(options.limits.connections));
  impl_->work.emplace(impl_->core.io.get_executor());
  for (const auto& listener : impl_->listeners) impl_->accept(*listener);
  for (int i = 0; i < std::max(options.io_threads, 1); ++i) {
    impl_->threads.emplace_back([this] { impl_->serve(); });
  }
}

uint16_t HttpServer::port() const { return impl_->port; }

std::string HttpServer::url() const {
  const HttpServerOptions& options = impl_->core.options;
  const bool v6 = options.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", impl_->core.tls ? "https" : "http", v6 ? "[" : "", options.host, v6 ? "]" : "",
                     impl_->port);
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  if (std::exchange(impl_->stopped, true)) return;
  impl_->core.stopping = true;
  if (!impl_->threads.empty()) {
    for (const auto& listener : impl_->listeners) {
      asio::post(listener->acceptor.get_executor(), [&listener] {
        error_code ignored;
        listener->acceptor.close(ignored);
        listener->pause.cancel();
      });
    }
    impl_->each_connection(&Connection::stop);
    impl_->wait_until_none_open(grace);
    impl_->each_connection(&Connection::abort);
    impl_->wait_until_none_open(std::chrono::hours(1));
  }
  impl_->work.reset();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->core.workers.join();
}

void HttpServer::post(std::function<void()> task) { asio::post(impl_->core.workers, std::move(task)); }

HttpCounters HttpServer::counters() const {
  HttpCore& core = impl_->core;
  const std::lock_guard lock(core.mutex);
  return {core.connections, core.refused, core.requests, core.open.size(), core.active};
}

}  // namespace dure

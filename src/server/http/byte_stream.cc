#include "server/http/byte_stream.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "base/error.h"

namespace dure {

namespace asio = boost::asio;

class TlsContext {
 public:
  asio::ssl::context context{asio::ssl::context::tls_server};
};

std::shared_ptr<TlsContext> make_tls(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  auto tls = std::make_shared<TlsContext>();
  SSL_CTX* native = tls->context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // thousands of idle connections
  boost::system::error_code error;
  tls->context.use_certificate_chain_file(certificate.string(), error);
  require(!error, "{}: not a certificate in PEM: {}", certificate.string(), error.message());
  tls->context.use_private_key_file(key.string(), asio::ssl::context::pem, error);
  require(!error, "{}: not the private key of {} in PEM: {}", key.string(), certificate.string(), error.message());
  return tls;
}

namespace {

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Socket& socket() override { return socket_; }
  void handshake(Ready done) override { done({}); }
  void read(asio::mutable_buffer into, Moved done) override { socket_.async_read_some(into, std::move(done)); }
  void write(asio::const_buffer from, Moved done) override { socket_.async_write_some(from, std::move(done)); }
  void finish(std::function<void()> done) override {
    Error ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    done();
  }

 private:
  Socket socket_;
};

class TlsStream : public ByteStream {
 public:
  TlsStream(Socket socket, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(socket), tls_->context) {}

  Socket& socket() override { return stream_.next_layer(); }
  void handshake(Ready done) override { stream_.async_handshake(asio::ssl::stream_base::server, std::move(done)); }
  void read(asio::mutable_buffer into, Moved done) override { stream_.async_read_some(into, std::move(done)); }
  void write(asio::const_buffer from, Moved done) override { stream_.async_write_some(from, std::move(done)); }
  void finish(std::function<void()> done) override {
    stream_.async_shutdown([this, done = std::move(done)](const Error&) {
      Error ignored;
      socket().shutdown(Socket::shutdown_send, ignored);
      done();
    });
  }

 private:
  std::shared_ptr<TlsContext> tls_;
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

void ByteStream::close() {
  Error ignored;
  socket().close(ignored);
}

std::unique_ptr<ByteStream> make_stream(ByteStream::Socket socket, const std::shared_ptr<TlsContext>& tls) {
  if (tls) return std::make_unique<TlsStream>(std::move(socket), tls);
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace dure

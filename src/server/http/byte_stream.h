#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <functional>
#include <memory>

namespace dure {

/// A connection's bytes, encrypted or not. All calls from the socket's executor, which also runs what they complete.
class ByteStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;
  using Ready = std::function<void(Error)>;
  using Moved = std::function<void(Error, size_t)>;

  virtual ~ByteStream() = default;
  virtual Socket& socket() = 0;
  virtual void handshake(Ready done) = 0;
  virtual void read(boost::asio::mutable_buffer into, Moved done) = 0;  ///< some bytes
  virtual void write(boost::asio::const_buffer from, Moved done) = 0;   ///< some bytes
  virtual void finish(std::function<void()> done) = 0;                  ///< says that nothing more will be written
  void close();
};

/// What TLS needs once per server. Null: no encryption.
class TlsContext;
/// PEM files; TLS 1.2 or newer. Throws Error naming the file that cannot be used.
std::shared_ptr<TlsContext> make_tls(const std::filesystem::path& certificate, const std::filesystem::path& key);

std::unique_ptr<ByteStream> make_stream(ByteStream::Socket socket, const std::shared_ptr<TlsContext>& tls);

}  // namespace dure

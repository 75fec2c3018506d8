#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

namespace dure {

/// A client for tests that sees each byte: a socket to a port of this machine. Waits at most `patience` for anything.
class RawClient {
 public:
  explicit RawClient(int port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int handle() const { return socket_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish() { shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  /// The connection ends with a reset.
  void reset() {
    const linger now{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  /// Waits for more bytes; false: the end, or none came in time.
  bool more() {
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
    char bytes[1 << 14];
    const ssize_t got = recv(socket_, bytes, sizeof bytes, 0);
    ended_ = got <= 0;
    reset_ = got < 0;
    if (got > 0) received_.append(bytes, static_cast<size_t>(got));
    return got > 0;
  }
  /// What came up to and with `mark`; empty if it did not come.
  std::string until(std::string_view mark) {
    size_t at;
    while ((at = received_.find(mark)) == received_.npos) {
      if (!more()) return {};
    }
    return take(at + mark.size());
  }
  std::string take(size_t bytes) {
    while (received_.size() < bytes && more()) {}
    const std::string out = received_.substr(0, bytes);
    received_.erase(0, out.size());
    return out;
  }
  /// Everything up to the end of the connection.
  std::string rest() {
    while (more()) {}
    return std::exchange(received_, {});
  }
  /// The server has closed, in order, and nothing is left.
  bool ended() {
    while (!ended_ && more()) {}
    return ended_ && !reset_ && received_.empty();
  }

  struct Answer {
    int status = 0;  ///< 0: there was none
    std::string head, body;
    bool whole = false;

    std::string header(std::string_view name) const {
      const size_t at = head.find(std::string("\r\n").append(name).append(": "));
      if (at == head.npos) return {};
      const size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };
  Answer answer(bool to_head = false) {
    Answer a;
    a.head = until("\r\n\r\n");
    if (a.head.size() < 12) return a;
    a.status = std::stoi(a.head.substr(9, 3));
    const std::string length = a.header("content-length");
    if (to_head || a.status < 200 || a.status == 204 || a.status == 304) {
      a.whole = true;
    } else if (a.header("transfer-encoding") == "chunked") {
      for (;;) {
        const std::string size = until("\r\n");
        if (size.empty()) return a;
        const size_t bytes = std::stoul(size, nullptr, 16);
        a.body += take(bytes);
        if (until("\r\n") != "\r\n") return a;
        if (bytes == 0) break;
      }
      a.whole = true;
    } else if (!length.empty()) {
      a.body = take(std::stoul(length));
      a.whole = a.body.size() == std::stoul(length);
    } else {
      a.body = rest();
      a.whole = ended_ && !reset_;
    }
    return a;
  }
  Answer ask(std::string_view request) {
    send(request);
    return answer(request.starts_with("HEAD "));
  }

  std::chrono::milliseconds patience{5'000};

 private:
  int socket_;
  bool connected_ = false, ended_ = false, reset_ = false;
  std::string received_;
};

}  // namespace dure

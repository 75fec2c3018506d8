#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "server/http/event_stream.h"
#include "server/http/http_server.h"
#include "server/http/raw_client.h"

namespace dure {
namespace {

using namespace std::chrono_literals;

/// A key and a certificate that it signed itself, as PEM files.
struct SelfSigned {
  TemporaryFolder folder;  // of its own: tests run side by side
  std::filesystem::path certificate = folder.path() / "tls.crt";
  std::filesystem::path key = folder.path() / "tls.key";

  SelfSigned() {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pair);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    X509_sign(x509, pair, EVP_sha256());
    FILE* file = std::fopen(certificate.c_str(), "w");
    PEM_write_X509(file, x509);
    std::fclose(file);
    file = std::fopen(key.c_str(), "w");
    PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(x509);
    EVP_PKEY_free(pair);
  }
};

/// A client of at most this version of TLS. Checks no certificate.
class TlsClient {
 public:
  explicit TlsClient(int port, int version = TLS1_3_VERSION) : raw_(port) {
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, raw_.handle());
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  void send(std::string_view bytes) { SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }
  std::string until(std::string_view mark) {
    while (received_.find(mark) == received_.npos) {
      char bytes[4096];
      const int got = SSL_read(ssl_, bytes, sizeof bytes);
      if (got <= 0) return {};
      received_.append(bytes, static_cast<size_t>(got));
    }
    const size_t end = received_.find(mark) + mark.size();
    const std::string out = received_.substr(0, end);
    received_.erase(0, end);
    return out;
  }
  /// The server said that this is the end, it did not just hang up.
  bool ended_in_order() {
    char byte;
    return SSL_read(ssl_, &byte, 1) <= 0 && SSL_get_shutdown(ssl_) == SSL_RECEIVED_SHUTDOWN;
  }

 private:
  RawClient raw_;
  SSL_CTX* context_ = SSL_CTX_new(TLS_client_method());
  SSL* ssl_ = nullptr;
  bool connected_ = false;
  std::string received_;
};

TEST(TlsTest, AnswersStreamsAndNoticesTheEnd) {
  const SelfSigned self;
  std::atomic<int> closed = 0;
  std::shared_ptr<SseStream> held;
  Router router;
  router.add("GET", "/hello", [](const auto& e) { e->send(text_response(200, "hello")); });
  router.add("GET", "/stream", [&](const auto& e) {
    e->on_close([&] { ++closed; });
    auto stream = std::make_shared<SseStream>(e);
    stream->event("1");
    held = stream;
  });
  HttpServerOptions options;
  options.certificate = self.certificate;
  options.key = self.key;
  HttpServer server(options, router);
  server.start();
  EXPECT_TRUE(server.url().starts_with("https://127.0.0.1:"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), version);
    ASSERT_TRUE(client.connected());
    client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_NE(client.until("\r\n\r\nhello"), "");
    client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(client.until("\r\n\r\nhello"), "");
    EXPECT_TRUE(client.ended_in_order());
  }
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
  {
    TlsClient client(server.port());
    client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_NE(client.until("data: 1\n\n"), "");
  }
  for (int i = 0; i < 1000 && closed == 0; ++i) std::this_thread::sleep_for(2ms);
  EXPECT_EQ(closed, 1);
  RawClient plain(server.port());
  plain.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  plain.rest();
  EXPECT_TRUE(plain.more() == false);
}

TEST(TlsTest, NamesTheFileThatCannotBeUsed) {
  const SelfSigned self;
  HttpServerOptions options;
  options.certificate = self.key;
  options.key = self.key;
  try {
    HttpServer(options, {}).start();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("tls.key: not a certificate"));
  }
}

}  // namespace
}  // namespace dure

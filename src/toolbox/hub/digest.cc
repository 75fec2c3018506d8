#include "toolbox/hub/digest.h"

#include <openssl/evp.h>

#include "base/error.h"

namespace dure {

struct ContentDigest::State {
  std::string expected;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

ContentDigest::ContentDigest(std::string expected, int64_t size) : state_(std::make_unique<State>()) {
  const bool git = expected.size() == 40;
  state_->expected = std::move(expected);
  require(state_->context && EVP_DigestInit_ex(state_->context.get(), git ? EVP_sha1() : EVP_sha256(), nullptr) == 1,
          "OpenSSL does not offer {}", git ? "SHA-1" : "SHA-256");
  if (git) update(fmt::format("blob {}", size) + '\0');
}

ContentDigest::~ContentDigest() = default;
ContentDigest::ContentDigest(ContentDigest&&) noexcept = default;
ContentDigest& ContentDigest::operator=(ContentDigest&&) noexcept = default;

void ContentDigest::update(std::string_view bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "OpenSSL: a digest failed");
}

bool ContentDigest::matches() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), bytes, &size) == 1, "OpenSSL: a digest failed");
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex == state_->expected;
}

}  // namespace dure

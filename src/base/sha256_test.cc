#include "base/sha256.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace dure {
namespace {

std::string hex(const Sha256::Digest& digest) { return fmt::format("{:02x}", fmt::join(digest, "")); }

TEST(Sha256, ExamplesOfTheStandard) {
  const std::pair<std::string, std::string> examples[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const auto& [text, digest] : examples) {
    Sha256 whole, parts;
    whole.update(text);
    EXPECT_EQ(hex(whole.digest()), digest);
    for (size_t i = 0; i < text.size(); i += 37) {
      parts.update(std::string_view(text).substr(i, 37));
      if (i < 1000) parts.digest();  // looking does not change it
    }
    EXPECT_EQ(hex(parts.digest()), digest);
  }
}

}  // namespace
}  // namespace dure

#include "train/data/token_shard.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class TokenShards : public testing::TestWithParam<int> {
 protected:
  std::vector<std::byte> written(const std::vector<TokenizedDocument>& documents) {
    write_token_shard(folder_ / "a.tokens", documents, GetParam(), {1, 2, 3});
    const std::string text = read_file(folder_ / "a.tokens");
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }
  TemporaryFolder folder_;
};

TEST_P(TokenShards, HoldWhatWasWritten) {
  const int last = GetParam() - 1;
  written({{{1, 2, last}, {}}, {{4}, {false}}, {{5, 6}, {false, true}}});
  const TokenShard shard = TokenShard::open(folder_ / "a.tokens");
  EXPECT_EQ(shard.documents(), 3);
  EXPECT_EQ(shard.tokens(), 6);
  EXPECT_EQ(shard.vocab_size(), GetParam());
  EXPECT_EQ(shard.tokenizer(), (TokenizerHash{1, 2, 3}));
  std::vector<int64_t> begins;
  std::vector<int> ids, learned;
  for (int64_t d = 0; d <= shard.documents(); ++d) begins.push_back(shard.begin(d));
  for (int64_t i = 0; i < shard.tokens(); ++i) ids.push_back(shard.token(i)), learned.push_back(shard.learned(i));
  EXPECT_EQ(begins, (std::vector<int64_t>{0, 3, 4, 6}));
  EXPECT_EQ(ids, (std::vector<int>{1, 2, last, 4, 5, 6}));
  EXPECT_EQ(learned, (std::vector<int>{1, 1, 1, 0, 0, 1}));
}

TEST_P(TokenShards, RefuseEveryChangedByteAndEveryMissingOne) {
  const std::vector<std::byte> good = written({{{1, 2, 3}, {}}, {{4}, {false}}});
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<std::byte> bad = good;
    bad[i] ^= std::byte{0x10};
    EXPECT_THROW(TokenShard::parse(bad, "a"), Error) << i;
    EXPECT_THROW(TokenShard::parse(std::span(good).first(i), "a"), Error) << i;
  }
}

TEST_P(TokenShards, RefuseIdsBeyondTheVocabulary) {
  const int id = GetParam();
  if (id == 1 << 16) return;  // cannot be written
  const auto bytes = written({{{id}, {}}});
  EXPECT_THAT([&] { TokenShard::parse(bytes, "a"); }, ThrowsMessage<Error>(HasSubstr("expected less than")));
}

INSTANTIATE_TEST_SUITE_P(Widths, TokenShards, testing::Values(100, 1 << 16, 70000));

}  // namespace
}  // namespace dure

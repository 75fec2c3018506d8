#include "train/data/shard_source.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "formats/temporary_folder.h"
#include "train/data/permutation.h"

namespace dure {
namespace {

TEST(Permutation, IsOneForEverySizeSeedAndEpoch) {
  for (const uint64_t n : {1, 2, 3, 17, 64, 1000}) {
    std::set<uint64_t> images;
    for (uint64_t i = 0; i < n; ++i) images.insert(Permutation(n, 5, 6)(i));
    EXPECT_EQ(images.size(), n);
    EXPECT_LT(*images.rbegin(), n);
  }
  EXPECT_NE(Permutation(1 << 20, 1, 0)(7), Permutation(1 << 20, 1, 1)(7));
  EXPECT_NE(Permutation(1 << 20, 1, 0)(7), Permutation(1 << 20, 2, 0)(7));
}

/// Document d has tokens base + d * 20 + (0 ... d % 5 + 1).
ShardSet set_of(const TemporaryFolder& folder, const std::string& split, int documents, int base, double weight) {
  std::vector<TokenizedDocument> halves[2];
  for (int d = 0; d < documents; ++d) {
    TokenizedDocument document;
    for (int i = 0; i < d % 5 + 2; ++i) document.ids.push_back(base + d * 20 + i);
    halves[d % 2].push_back(document);
  }
  for (int half = 0; half < 2; ++half)
    write_token_shard(folder.path() / (split + "-0000" + std::to_string(half) + ".tokens"), halves[half], 4000, {9});
  return open_shard_set(folder.path(), split, weight);
}

std::unique_ptr<TokenSource> two_sets(const TemporaryFolder& folder, uint64_t seed = 3) {
  std::vector<ShardSet> sets;
  sets.push_back(set_of(folder, "train", 50, 0, 3));
  sets.push_back(set_of(folder, "other", 30, 2000, 1));
  return make_shard_source(std::move(sets), 4, seed);
}

TEST(ShardSource, ReadsEveryDocumentOnceInAnEpoch) {
  TemporaryFolder folder;
  std::vector<ShardSet> sets;
  sets.push_back(set_of(folder, "train", 50, 0, 1));
  const auto source = make_shard_source(std::move(sets), 100, 3);
  const TokenBatch a = source->next(150), b = source->next(150);  // 50 documents of 3 rows on average
  const std::set<int> seen(a.tokens.begin(), a.tokens.end());
  EXPECT_EQ(seen.size(), 150U);
  EXPECT_EQ(seen, std::set<int>(b.tokens.begin(), b.tokens.end()));
  EXPECT_NE(a.tokens, b.tokens);
  EXPECT_EQ(a.starts.size(), 51U);
  for (size_t i = 0; i < 150; ++i) EXPECT_EQ(a.targets[i], a.tokens[i] + 1);
  EXPECT_EQ(source->vocab_size(), 4000);
}

TEST(ShardSource, CutsDocumentsAndMixesByWeight) {
  TemporaryFolder folder;
  const auto source = two_sets(folder);
  int64_t second = 0;
  for (int step = 0; step < 40; ++step) {
    const TokenBatch batch = source->next(33);
    ASSERT_EQ(batch.rows(), 33);
    ASSERT_EQ(batch.starts.back(), 33);
    for (size_t s = 0; s + 1 < batch.starts.size(); ++s)
      for (int row = batch.starts[s]; row < batch.starts[s + 1]; ++row)
        ASSERT_EQ(batch.positions[static_cast<size_t>(row)], row - batch.starts[s]);
    ASSERT_LT(*std::ranges::max_element(batch.positions), 4);
    second += std::ranges::count_if(batch.tokens, [](int token) { return token >= 2000; });
  }
  EXPECT_NEAR(static_cast<double>(second) / (40 * 33), 0.25, 0.01);
}

TEST(ShardSource, GoesOnWhereItStood) {
  TemporaryFolder folder;
  const auto source = two_sets(folder);
  for (int steps = 0; steps < 30; ++steps) {
    const Json state = source->state();
    const auto other = two_sets(folder);
    other->restore(parse_json(dump_json(state), "state"));
    const TokenBatch expected = source->next(17), found = other->next(17);
    ASSERT_EQ(found.tokens, expected.tokens);
    ASSERT_EQ(found.targets, expected.targets);
    ASSERT_EQ(found.starts, expected.starts);
    ASSERT_EQ(other->state(), source->state());
  }
  EXPECT_THROW(two_sets(folder, 4)->restore(source->state()), Error);
  EXPECT_THROW(two_sets(folder)->restore(Json::object()), Error);
}

TEST(ShardSource, HasNoTargetWhereNothingIsLearned) {
  TemporaryFolder folder;
  write_token_shard(folder / "train-0.tokens",
                    std::vector<TokenizedDocument>{{{1, 2, 3, 4}, {false, false, true, true}}}, 10, {});
  std::vector<ShardSet> sets;
  sets.push_back(open_shard_set(folder.path(), "train", 1));
  EXPECT_EQ(make_shard_source(std::move(sets), 100, 0)->next(3).targets, (std::vector<int>{-1, 3, 4}));
}

TEST(ShardSource, RefusesWhatDoesNotFit) {
  TemporaryFolder folder;
  EXPECT_THROW(open_shard_set(folder.path(), "train", 1), Error);
  std::vector<ShardSet> sets;
  write_token_shard(folder / "a-0.tokens", std::vector<TokenizedDocument>{{{1, 2}, {}}}, 10, {1});
  write_token_shard(folder / "b-0.tokens", std::vector<TokenizedDocument>{{{1, 2}, {}}}, 10, {2});
  sets.push_back(open_shard_set(folder.path(), "a", 1));
  sets.push_back(open_shard_set(folder.path(), "b", 1));
  EXPECT_THROW(make_shard_source(std::move(sets), 10, 0), Error) << "two tokenizers";
}

}  // namespace
}  // namespace dure

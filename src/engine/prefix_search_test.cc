#include "engine/prefix_search.h"

#include <gtest/gtest.h>

#include <numeric>

#include "formats/temporary_folder.h"

namespace dure {
namespace {

constexpr int kBlock = KVCache::kBlockSize;

/// Blocks of a tree, each given by its parent, the number of its first token and the rows that are sampled ones.
struct Tree {
  PrefixCache memory{16};
  BlockKey root = root_key("tree", -1);
  int blocks = 0;

  static std::vector<int> tokens(int first, int count) {
    std::vector<int> ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), first);
    return ids;
  }
  BlockKey add(const BlockKey& parent, int first, int count = kBlock, uint64_t sampled = 0) {
    const std::vector<int> ids = tokens(first, count);
    const RowKinds kinds(std::array<uint64_t, 2>{sampled, 0});
    const BlockKey key = block_key(token_key(parent, ids), kinds);
    memory.insert(blocks++, {parent, key, ids, kinds});
    return key;
  }
  std::vector<int> found(int length, int limit, std::span<const RowKind> kinds = {}) const {
    const PrefixPlan plan = find_prefix(memory, nullptr, root, tokens(0, length), limit, kinds);
    std::vector<int> path;
    for (const PlannedBlock& b : plan.full) path.push_back(b.block);
    if (plan.tail) path.push_back(plan.tail->block);
    EXPECT_EQ(plan.rows(), kBlock * static_cast<int>(plan.full.size()) + plan.tail_rows);
    path.push_back(plan.rows());
    return path;
  }
};

using Path = std::vector<int>;  // blocks, then rows

TEST(FindPrefix, TakesTheLongestPath) {
  Tree t;
  EXPECT_EQ(t.found(1000, 999), Path{0});
  const BlockKey prompt = t.add(t.root, 0);                 // 0
  const BlockKey sampled = t.add(t.root, 0, kBlock, 0xff);  // 1: the same tokens
  EXPECT_EQ(t.found(1000, 999), (Path{0, 128}));            // a prompt's rows are preferred
  t.add(sampled, 128, 50);                                  // 2
  EXPECT_EQ(t.found(1000, 999), (Path{1, 2, 178}));         // but more rows win
  t.add(prompt, 128, 50, 1);                                // 3
  EXPECT_EQ(t.found(1000, 999), (Path{0, 3, 178}));
  EXPECT_EQ(t.found(1000, 150), (Path{0, 3, 150}));
  EXPECT_EQ(t.found(1000, 128), (Path{0, 128}));
  EXPECT_EQ(t.found(1000, 127), (Path{0, 127}));  // rows of a full block
  EXPECT_EQ(t.found(1000, 0), Path{0});
  t.add(prompt, 128, 50, 2);  // 4: its first row is a prompt's
  EXPECT_EQ(t.found(1000, 999), (Path{0, 4, 178}));
  const std::vector<RowKind> all_prompt(1000, RowKind::prompt), all_sampled(1000, RowKind::sampled);
  EXPECT_EQ(t.found(1000, 999, all_prompt), (Path{0, 4, 129}));
  EXPECT_EQ(t.found(1000, 999, all_sampled), (Path{1, 8}));
}

TEST(FindPrefix, GoesBetweenMemoryAndDisk) {
  const TemporaryFolder folder;
  DiskCache disk(folder.path(), 1 << 20);
  Tree t;
  std::vector<DiskName> names;
  BlockKey parent = t.root;
  for (int i = 0; i < 4; ++i) {
    names.push_back({token_key(parent, Tree::tokens(i * kBlock, kBlock)), {}, kBlock});
    const BlockKey key = block_key(names.back().tokens, {});
    if (i % 2 == 0) {
      disk.store(names.back(), std::vector<std::byte>(8));
    } else {
      t.add(parent, i * kBlock);
    }
    parent = key;
  }
  names.push_back({token_key(parent, Tree::tokens(4 * kBlock, 70)), {}, 70});
  disk.store(names.back(), std::vector<std::byte>(8));
  disk.flush();
  const PrefixPlan plan = find_prefix(t.memory, &disk, t.root, Tree::tokens(0, 1000), 999);
  ASSERT_EQ(plan.full.size(), 4u);
  EXPECT_EQ(plan.full[0].name, names[0]);
  EXPECT_EQ(plan.full[1].block, 0);
  EXPECT_EQ(plan.full[2].name, names[2]);
  EXPECT_EQ(plan.full[3].block, 1);
  ASSERT_TRUE(plan.tail);
  EXPECT_EQ(plan.tail->name, names[4]);
  EXPECT_EQ(plan.tail_rows, 70);
  // A full block may be a tail too, and one that goes on otherwise is none.
  EXPECT_EQ(find_prefix(t.memory, &disk, t.root, Tree::tokens(0, 3 * kBlock), 3 * kBlock - 1).rows(), 3 * kBlock - 1);
  EXPECT_EQ(find_prefix(t.memory, &disk, t.root, Tree::tokens(0, 4 * kBlock + 69), 4 * kBlock + 68).rows(), 4 * kBlock);
}

}  // namespace
}  // namespace dure

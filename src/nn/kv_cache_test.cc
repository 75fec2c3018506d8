#include "nn/kv_cache.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backend/registry.h"
#include "base/error.h"

namespace dure {
namespace {

/// A layer that keeps 3 values of each token and 2 of every 32 tokens.
const std::vector<std::vector<CachePlane>> kPlanes = {{{"each", 3}, {"entries", 2, 32}}};

void fill(const KVCache& cache) {
  for (int plane = 0; plane < 2; ++plane) {
    const auto values = cache.pages(0, plane, 1).data();
    std::iota(values.begin(), values.end(), 1000.f * static_cast<float>(plane));
  }
}

TEST(KVCache, RowsOfSeveralTokensBelongToTheBlockOfTheirTokens) {
  const auto device = make_device({.backend = "reference", .threads = 1});
  KVCache cache(*device, kPlanes, 3, DType::F32);
  EXPECT_EQ(cache.pages(0, 0, 1).shape(), (Shape{3, 128, 1, 3}));
  EXPECT_EQ(cache.pages(0, 1, 1).shape(), (Shape{3, 4, 1, 2}));
  EXPECT_EQ(cache.bytes(), 3 * (128 * 3 + 4 * 2) * 4);
  // An entry counts when all its tokens are there.
  EXPECT_EQ(cache.bytes(31), 31 * 3 * 4);
  EXPECT_EQ(cache.bytes(70), (70 * 3 + 2 * 2) * 4);
  EXPECT_EQ(cache_bytes_per_token(kPlanes, DType::F32), 13);  // (128 * 3 + 4 * 2) * 4 / 128, rounded up
}

TEST(KVCache, WhatIsSavedIsLoadedAndCopied) {
  const auto device = make_device({.backend = "reference", .threads = 1});
  KVCache cache(*device, kPlanes, 3, DType::F32);
  fill(cache);
  const std::vector<std::byte> saved = cache.save(1, 70);
  cache.load(2, 70, saved);
  cache.copy(1, 0, 128);
  const auto tokens = cache.pages(0, 0, 1).data(), entries = cache.pages(0, 1, 1).data();
  for (int i = 0; i < 128 * 3; ++i) {
    EXPECT_EQ(tokens[static_cast<size_t>(i)], tokens[static_cast<size_t>(128 * 3 + i)]);
    EXPECT_EQ(tokens[static_cast<size_t>(2 * 128 * 3 + i)], i < 70 * 3 ? 128 * 3 + i : 2 * 128 * 3 + i);
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(entries[static_cast<size_t>(i)], 1000.f + 8 + static_cast<float>(i));
    EXPECT_EQ(entries[static_cast<size_t>(16 + i)], 1000.f + static_cast<float>(i < 4 ? 8 + i : 16 + i));
  }
  EXPECT_THROW(cache.load(2, 71, saved), Error);
}

}  // namespace
}  // namespace dure

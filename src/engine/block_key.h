#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "nn/kv_cache.h"

namespace dure {

/// What the rows of a block follow from, as the first 16 bytes of a SHA-256: equal keys, equal bytes.
struct BlockKey {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const BlockKey&) const = default;
  std::string hex() const;
};
struct BlockKeyHash {
  size_t operator()(const BlockKey& key) const {
    size_t h;
    std::memcpy(&h, key.bytes.data(), sizeof h);
    return h;
  }
};

/// Which rows of a block are sampled ones; the others are a prompt's.
class RowKinds {
 public:
  RowKinds() = default;
  explicit RowKinds(std::span<const RowKind> kinds);
  explicit RowKinds(const std::array<uint64_t, 2>& words) : words_(words) {}
  RowKind operator[](int row) const {
    return words_[static_cast<size_t>(row) / 64] >> (row % 64) & 1 ? RowKind::sampled : RowKind::prompt;
  }
  const std::array<uint64_t, 2>& words() const { return words_; }  ///< bit i % 64 of word i / 64
  bool operator==(const RowKinds&) const = default;
  /// Whether rows like these are taken rather than those, where both would do: at the first row that differs, a
  /// prompt's goes before a sampled one, as a prompt would be computed anew.
  bool before(const RowKinds& other) const;

 private:
  std::array<uint64_t, 2> words_{};
};
static_assert(KVCache::kBlockSize == 128);

/// The key of the block before the first: of a model with one of its adapters.
BlockKey root_key(std::string_view fingerprint, int adapter);

/// Tokens that come after a block, as a name of them by which a block of any kinds of rows is found.
class TokenHash {
 public:
  explicit TokenHash(const BlockKey& parent);
  void add(std::span<const int> tokens);
  BlockKey key() const;

 private:
  Sha256 hash_;
};
BlockKey token_key(const BlockKey& parent, std::span<const int> tokens);

/// The key of a block that has these tokens and kinds of rows.
BlockKey block_key(const BlockKey& token_key, const RowKinds& kinds);

}  // namespace dure

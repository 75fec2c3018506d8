#pragma once

#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/block_key.h"

namespace dure {

/// Which blocks of the KV cache hold rows that a prompt may find, as a tree: what comes after a block is found by that
/// block's key. A block is full, or the last one of a sequence and a leaf.
class PrefixCache {
 public:
  struct Entry {
    BlockKey parent, key;
    std::vector<int> tokens;  ///< [1, kBlockSize]
    RowKinds kinds;
    bool full() const { return tokens.size() == KVCache::kBlockSize; }
  };

  explicit PrefixCache(int blocks) : entries_(static_cast<size_t>(blocks)) {}

  /// Makes the rows of a block known. Returns the block that has such rows already, else `block`.
  int insert(int block, Entry entry);
  void forget(int block);  ///< does nothing if it is not known

  /// Null if the block is not known.
  const Entry* find(int block) const;
  /// The blocks after the one with this key, in no order.
  std::span<const int> children(const BlockKey& parent) const;

 private:
  std::vector<std::optional<Entry>> entries_;                           // by block
  std::unordered_map<BlockKey, std::vector<int>, BlockKeyHash> after_;  // parent's key -> blocks
};

}  // namespace dure

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "engine/block_pool.h"
#include "engine/disk_cache.h"
#include "engine/prefix_cache.h"
#include "engine/prefix_search.h"

namespace dure {

struct BlockManagerOptions {
  int blocks = 1;
  DType dtype = DType::BF16;
  bool exact = false;
  std::string fingerprint;          ///< of everything that decides a row's bytes, but what follows from the cache
  std::filesystem::path cache_dir;  ///< empty: no disk tier
  int64_t cache_dir_bytes = 0;
};

/// Gives sequences their blocks of the KV cache, and keeps the rows of those that ended. A full block is known to all
/// as soon as its last row is computed; nobody writes to it again, so sequences share it. The last block of a sequence
/// is its own until the sequence ends; others copy rows of it.
class BlockManager {
 public:
  /// Throws Error if there is a cache_dir but no fingerprint.
  BlockManager(Device& device, const std::vector<std::vector<CachePlane>>& planes, const BlockManagerOptions& options);

  static int blocks_for(int rows) { return (rows + KVCache::kBlockSize - 1) / KVCache::kBlockSize; }

  /// Where the rows of the first `limit` tokens of a sequence lie.
  PrefixPlan plan(const Sequence& s, int limit) const;
  PrefixPlan plan(std::span<const int> tokens, int adapter, int limit) const;
  /// Blocks of those that can be had now which a sequence will need for all its tokens, if it begins with this plan.
  int cost(const Sequence& s, const PrefixPlan& plan) const;
  /// The same for a running sequence, and the token after its last.
  int missing(const Sequence& s) const;

  /// The sequence begins with the rows of a plan, which is of now: those in memory at once as far as none on disk comes
  /// before them; `load` goes on with what is left, by a block, until `loading` is false.
  void begin(Sequence& s, PrefixPlan plan);
  void load(Sequence& s);

  /// Rows for which a sequence has blocks or can get them, at most `rows`.
  int capacity(const Sequence& s, int rows) const;
  /// Makes room for so many rows in all. REQUIRES: capacity(s, rows) == rows.
  void grow(Sequence& s, int rows);
  /// The next `rows` rows of a sequence were computed.
  void advance(Sequence& s, int rows);
  /// Blocks for a sequence that has the rows of another, which is in its prompt's end. False if there is no room.
  bool fork(const Sequence& from, Sequence& to);
  /// Takes the blocks of a sequence away; their rows can be found until others need the blocks. `ended`: for good.
  void release(Sequence& s, bool ended);

  KVCache& cache() { return cache_; }
  const KVCache& cache() const { return cache_; }
  const BlockPool& pool() const { return pool_; }
  int64_t disk_bytes() const { return disk_ ? disk_->bytes() : 0; }
  int64_t disk_hits() const { return disk_hits_; }   ///< rows that came from the disk
  void flush() { disk_ ? disk_->flush() : void(); }  ///< waits for the disk

 private:
  const BlockKey& root(int adapter) const;
  BlockKey parent(const Sequence& s) const { return s.keys.empty() ? root(s.request().adapter) : s.keys.back(); }
  int take();  // REQUIRES: one is available
  void drop_block(int block);
  bool load_full(Sequence& s, const PlannedBlock& planned);
  void load_tail(Sequence& s);
  void end_plan(Sequence& s);
  std::optional<int> load_from_disk(const DiskName& name, int rows);
  void store(const Sequence& s, size_t index, int rows);
  void know_last(const Sequence& s, bool ended);

  KVCache cache_;
  BlockPool pool_;
  PrefixCache prefix_;
  std::unique_ptr<DiskCache> disk_;
  bool exact_;
  std::string fingerprint_;
  mutable std::map<int, BlockKey> roots_;  // by adapter
  int64_t disk_hits_ = 0;
};

}  // namespace dure

#include "engine/block_manager.h"

#include <algorithm>

#include "base/error.h"

namespace dure {
namespace {

constexpr int kBlock = KVCache::kBlockSize;

std::string whole_fingerprint(const std::vector<std::vector<CachePlane>>& planes, const BlockManagerOptions& options) {
  std::string text = fmt::format("block {}\ncache {}\nexact {}\n", kBlock, name(options.dtype), options.exact);
  for (const auto& layer : planes) {
    for (const CachePlane& plane : layer) text += fmt::format("{} {} {} ", plane.name, plane.width, plane.stride);
    text += '\n';
  }
  return text + options.fingerprint;
}

}  // namespace

BlockManager::BlockManager(Device& device, const std::vector<std::vector<CachePlane>>& planes,
                           const BlockManagerOptions& options)
    : cache_(device, planes, options.blocks, options.dtype),
      pool_(options.blocks),
      prefix_(options.blocks),
      exact_(options.exact),
      fingerprint_(whole_fingerprint(planes, options)) {
  if (options.cache_dir.empty()) return;
  require(!options.fingerprint.empty(), "cache_dir {}: needs a fingerprint of the model", options.cache_dir.string());
  disk_ = std::make_unique<DiskCache>(options.cache_dir, options.cache_dir_bytes);
}

const BlockKey& BlockManager::root(int adapter) const {
  const auto it = roots_.find(adapter);
  return it != roots_.end() ? it->second : roots_.emplace(adapter, root_key(fingerprint_, adapter)).first->second;
}

int BlockManager::take() {
  const std::optional<int> block = pool_.take();
  DURE_ASSERT(block.has_value());
  prefix_.forget(*block);
  return *block;
}

void BlockManager::drop_block(int block) { pool_.release(block, prefix_.find(block) != nullptr); }

PrefixPlan BlockManager::plan(std::span<const int> tokens, int adapter, int limit) const {
  return find_prefix(prefix_, disk_.get(), root(adapter), tokens, limit);
}

PrefixPlan BlockManager::plan(const Sequence& s, int limit) const {
  std::vector<RowKind> kinds;
  if (s.resumed)  // each row as it was, or would have been
    for (int i = 0; i < s.length(); ++i) kinds.push_back(s.kind(i, exact_));
  return find_prefix(prefix_, disk_.get(), root(s.request().adapter), s.tokens, limit, kinds);
}

int BlockManager::cost(const Sequence& s, const PrefixPlan& plan) const {
  int cost = blocks_for(s.length());
  for (const PlannedBlock& b : plan.full)
    if (b.block >= 0 && pool_.holders(b.block) > 0) --cost;
  return cost;
}

int BlockManager::missing(const Sequence& s) const {
  int have = static_cast<int>(s.blocks.size());
  for (size_t i = s.planned; i < s.plan.full.size(); ++i) have += s.plan.full[i].block >= 0;
  return std::max(0, blocks_for(s.length() + 1) - have);
}

void BlockManager::begin(Sequence& s, PrefixPlan plan) {
  DURE_ASSERT(s.blocks.empty() && s.keys.empty() && s.computed == 0);
  if (plan.rows() > static_cast<int>(s.kinds.size())) s.kinds = plan.kinds;
  s.plan = std::move(plan);
  s.planned = 0;
  s.loading = true;
  for (const PlannedBlock& b : s.plan.full)
    if (b.block >= 0) pool_.hold(b.block);
  if (s.plan.tail && s.plan.tail->block >= 0) pool_.hold(s.plan.tail->block);
  while (s.loading && (s.planned == s.plan.full.size() ? !s.plan.tail || s.plan.tail->block >= 0
                                                       : s.plan.full[s.planned].block >= 0))
    load(s);
}

void BlockManager::load(Sequence& s) {
  if (s.planned < s.plan.full.size()) {
    if (!load_full(s, s.plan.full[s.planned])) return end_plan(s);
    if (s.planned < s.plan.full.size() || s.plan.tail) return;
  }
  if (s.plan.tail) load_tail(s);
  end_plan(s);
}

bool BlockManager::load_full(Sequence& s, const PlannedBlock& planned) {
  int block = planned.block;
  if (block < 0) {
    const auto loaded = load_from_disk(planned.name, kBlock);
    if (!loaded) return false;
    block = *loaded;
    const auto begin = s.tokens.begin() + s.computed;
    const int known = prefix_.insert(block, {parent(s), planned.key, {begin, begin + kBlock}, planned.name.kinds});
    if (known != block) {  // somebody was faster
      pool_.hold(known);
      drop_block(block);
      block = known;
    }
  }
  ++s.planned;
  s.blocks.push_back(block);
  s.keys.push_back(planned.key);
  s.computed += kBlock;
  return true;
}

void BlockManager::load_tail(Sequence& s) {
  const PlannedBlock tail = *s.plan.tail;
  const int rows = s.plan.tail_rows;
  if (tail.block < 0) {
    const auto loaded = load_from_disk(tail.name, rows);
    if (!loaded) return;
    s.blocks.push_back(*loaded);
  } else {
    if (pool_.available() > 0) {
      const int block = take();
      cache_.copy(tail.block, block, rows);
      s.blocks.push_back(block);
    } else if (pool_.holders(tail.block) == 1) {  // no room for a copy, and nobody else has it: taken over
      prefix_.forget(tail.block);
      s.blocks.push_back(tail.block);
      s.plan.tail.reset();  // end_plan() would let go of it
    } else {
      return;
    }
  }
  s.computed += rows;
}

void BlockManager::end_plan(Sequence& s) {
  for (size_t i = s.planned; i < s.plan.full.size(); ++i)
    if (s.plan.full[i].block >= 0) drop_block(s.plan.full[i].block);
  if (s.plan.tail && s.plan.tail->block >= 0) drop_block(s.plan.tail->block);
  s.plan = {};
  s.planned = 0;
  s.loading = false;
}

/// A block with rows of a file, of which `rows` count. None if there is no room, or no such file.
std::optional<int> BlockManager::load_from_disk(const DiskName& name, int rows) {
  if (pool_.available() == 0) return std::nullopt;
  const auto payload = disk_->load(name, cache_.bytes(name.rows));
  if (!payload) return std::nullopt;
  const int block = take();
  cache_.load(block, name.rows, *payload);
  disk_hits_ += rows;
  return block;
}

int BlockManager::capacity(const Sequence& s, int rows) const {
  const int64_t blocks = static_cast<int64_t>(s.blocks.size()) + pool_.available();
  return static_cast<int>(std::min<int64_t>(rows, blocks * kBlock));
}

void BlockManager::grow(Sequence& s, int rows) {
  while (static_cast<int>(s.blocks.size()) < blocks_for(rows)) s.blocks.push_back(take());
}

void BlockManager::advance(Sequence& s, int rows) {
  const int end = s.computed + rows;
  while (static_cast<int>(s.kinds.size()) < end) s.kinds.push_back(s.kind(static_cast<int>(s.kinds.size()), exact_));
  s.computed = end;
  while (static_cast<int>(s.keys.size() + 1) * kBlock <= end) {
    const size_t i = s.keys.size(), begin = i * kBlock;
    const std::span<const int> tokens = std::span(s.tokens).subspan(begin, kBlock);
    const RowKinds kinds(std::span(s.kinds).subspan(begin, kBlock));
    const BlockKey key = block_key(token_key(parent(s), tokens), kinds);
    const int known = prefix_.insert(s.blocks[i], {parent(s), key, {tokens.begin(), tokens.end()}, kinds});
    if (known != s.blocks[i]) {  // another sequence computed the same: its block serves both
      pool_.hold(known);
      drop_block(s.blocks[i]);
      s.blocks[i] = known;
    }
    store(s, i, kBlock);
    s.keys.push_back(key);
  }
}

/// Has rows of a block written to disk, unless they are there.
void BlockManager::store(const Sequence& s, size_t index, int rows) {
  if (!disk_) return;
  const size_t begin = index * kBlock, n = static_cast<size_t>(rows);
  const BlockKey before = index == 0 ? root(s.request().adapter) : s.keys[index - 1];
  const DiskName name{token_key(before, std::span(s.tokens).subspan(begin, n)),
                      RowKinds(std::span(s.kinds).subspan(begin, n)), rows};
  if (disk_->wants(name, cache_.bytes(rows))) disk_->store(name, cache_.save(s.blocks[index], rows));
}

bool BlockManager::fork(const Sequence& from, Sequence& to) {
  const int rest = from.computed % kBlock;
  to.kinds = from.kinds;
  if (rest > 0 && pool_.available() == 0) return false;
  to.keys = from.keys;
  to.blocks.assign(from.blocks.begin(), from.blocks.begin() + from.computed / kBlock);
  to.computed = from.computed;
  for (const int block : to.blocks) pool_.hold(block);
  if (rest > 0) {
    to.blocks.push_back(take());
    cache_.copy(from.blocks[to.blocks.size() - 1], to.blocks.back(), rest);
  }
  return true;
}

/// The last block of a sequence becomes known too.
void BlockManager::know_last(const Sequence& s, bool ended) {
  const size_t i = s.keys.size(), begin = i * kBlock, rows = static_cast<size_t>(s.computed) - begin;
  if (rows == 0) return;
  const std::span<const int> tokens = std::span(s.tokens).subspan(begin, rows);
  const RowKinds kinds(std::span(s.kinds).subspan(begin, rows));
  const BlockKey key = block_key(token_key(parent(s), tokens), kinds);
  prefix_.insert(s.blocks[i], {parent(s), key, {tokens.begin(), tokens.end()}, kinds});
  if (ended) store(s, i, static_cast<int>(rows));
}

void BlockManager::release(Sequence& s, bool ended) {
  if (s.loading) end_plan(s);
  if (!s.blocks.empty()) {
    if (ended)  // what was dropped when the disk was behind gets another chance
      for (size_t i = 0; i < s.keys.size(); ++i) store(s, i, kBlock);
    know_last(s, ended);
  }
  // Last blocks first: what comes after a block must not outlive it.
  for (size_t i = s.blocks.size(); i-- > 0;) drop_block(s.blocks[i]);
  s.blocks.clear();
  s.keys.clear();
  s.computed = 0;
}

}  // namespace dure

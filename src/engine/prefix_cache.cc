#include "engine/prefix_cache.h"

#include <algorithm>

#include "base/error.h"

namespace dure {

int PrefixCache::insert(int block, Entry entry) {
  DURE_ASSERT(!find(block));
  std::vector<int>& siblings = after_[entry.parent];
  for (const int other : siblings)
    if (find(other)->key == entry.key) return other;
  siblings.push_back(block);
  entries_[static_cast<size_t>(block)] = std::move(entry);
  return block;
}

void PrefixCache::forget(int block) {
  std::optional<Entry>& entry = entries_[static_cast<size_t>(block)];
  if (!entry) return;
  const auto siblings = after_.find(entry->parent);
  std::erase(siblings->second, block);
  if (siblings->second.empty()) after_.erase(siblings);
  entry.reset();
}

const PrefixCache::Entry* PrefixCache::find(int block) const {
  const std::optional<Entry>& entry = entries_[static_cast<size_t>(block)];
  return entry ? &*entry : nullptr;
}

std::span<const int> PrefixCache::children(const BlockKey& parent) const {
  const auto it = after_.find(parent);
  if (it == after_.end()) return {};
  return it->second;
}

}  // namespace dure

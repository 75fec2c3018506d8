#include "sampling/grammar/grammar_cache.h"

#include <algorithm>

namespace dure {

GrammarCache::GrammarCache(std::shared_ptr<const TokenTrie> trie, size_t capacity, grammar::GrammarLimits limits)
    : trie_(std::move(trie)), capacity_(std::max<size_t>(1, capacity)), limits_(limits) {}

std::shared_ptr<GrammarMasks> GrammarCache::get(const std::string& key, const std::function<grammar::RulePtr()>& make) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = index_.find(key); known != index_.end()) {
      recent_.splice(recent_.begin(), recent_, known->second);
      return known->second->second;
    }
  }
  auto masks = std::make_shared<GrammarMasks>(grammar::compile(make(), limits_), trie_);
  const std::lock_guard lock(mutex_);
  if (const auto known = index_.find(key); known != index_.end()) return known->second->second;  // somebody was faster
  recent_.emplace_front(key, masks);
  index_.emplace(key, recent_.begin());
  if (recent_.size() > capacity_) {
    index_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return masks;
}

}  // namespace dure

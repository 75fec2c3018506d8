#include "engine/block_pool.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace dure {

BlockPool::BlockPool(int blocks) : free_(static_cast<size_t>(blocks)) {
  std::iota(free_.rbegin(), free_.rend(), 0);  // low pages go first
}

int BlockPool::available() const {
  size_t n = free_.size();
  for (const Parked& p : parked_) n += p.pages.size();
  return static_cast<int>(n);
}

std::vector<int> BlockPool::take(int count) {
  DURE_ASSERT(count <= available());
  while (static_cast<int>(free_.size()) < count) {
    give_back(parked_.front().pages);
    parked_.pop_front();
  }
  std::vector<int> pages(free_.rbegin(), free_.rbegin() + count);
  free_.resize(free_.size() - static_cast<size_t>(count));
  return pages;
}

void BlockPool::give_back(const std::vector<int>& pages) { free_.insert(free_.end(), pages.rbegin(), pages.rend()); }

void BlockPool::park(std::vector<int> tokens, std::vector<int> pages) {
  if (!pages.empty()) parked_.push_back({std::move(tokens), std::move(pages)});
}

std::optional<BlockPool::Parked> BlockPool::reclaim(const std::vector<int>& prompt, int min_shared) {
  auto best = parked_.end();
  long longest = std::max(min_shared, 1) - 1;
  for (auto it = parked_.begin(); it != parked_.end(); ++it) {
    const auto end = std::ranges::mismatch(prompt, it->tokens).in1;
    if (end - prompt.begin() > longest) {
      longest = end - prompt.begin();
      best = it;
    }
  }
  if (best == parked_.end()) return std::nullopt;
  Parked p = std::move(*best);
  parked_.erase(best);
  p.tokens.resize(static_cast<size_t>(longest));
  return p;
}

}  // namespace dure

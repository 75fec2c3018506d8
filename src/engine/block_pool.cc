#include "engine/block_pool.h"

#include <numeric>

#include "base/error.h"

namespace dure {

BlockPool::BlockPool(int blocks)
    : holders_(static_cast<size_t>(blocks)), free_(static_cast<size_t>(blocks)), places_(free_.size(), idle_.end()) {
  std::iota(free_.rbegin(), free_.rend(), 0);  // low blocks go first
}

std::optional<int> BlockPool::take() {
  if (free_.empty() && idle_.empty()) return std::nullopt;
  int block;
  if (free_.empty()) {
    block = idle_.front();
    idle_.pop_front();
    places_[static_cast<size_t>(block)] = idle_.end();
  } else {
    block = free_.back();
    free_.pop_back();
  }
  holders_[static_cast<size_t>(block)] = 1;
  return block;
}

void BlockPool::hold(int block) {
  const auto i = static_cast<size_t>(block);
  if (holders_[i]++ > 0) return;
  DURE_ASSERT(places_[i] != idle_.end());
  idle_.erase(places_[i]);
  places_[i] = idle_.end();
}

void BlockPool::release(int block, bool keep) {
  const auto i = static_cast<size_t>(block);
  DURE_ASSERT(holders_[i] > 0);
  if (--holders_[i] > 0) return;
  if (keep) {
    places_[i] = idle_.insert(idle_.end(), block);
  } else {
    free_.push_back(block);
  }
}

}  // namespace dure

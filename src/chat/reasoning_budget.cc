#include "chat/reasoning_budget.h"

#include <algorithm>

#include "base/error.h"

namespace dure {

ReasoningBudget::ReasoningBudget(std::vector<int> end, int budget, int vocab_size,
                                 std::unique_ptr<TokenConstraint> then)
    : end_(std::move(end)), left_(budget), mask_((static_cast<size_t>(vocab_size) + 63) / 64), then_(std::move(then)) {
  DURE_ASSERT(!end_.empty());
}

std::span<const uint64_t> ReasoningBudget::mask() {
  if (!thinking_) return then_ != nullptr ? then_->mask() : std::span<const uint64_t>();
  if (!spent()) return {};
  std::ranges::fill(mask_, 0);
  const auto id = static_cast<size_t>(end_[written_]);
  mask_[id / 64] |= uint64_t{1} << (id % 64);
  return mask_;
}

void ReasoningBudget::accept(int id) {
  if (spent()) {
    require(id == end_[written_], "token {} instead of the end of the thoughts", id);
    ++written_;
  }
  if (!thinking_) {
    if (then_ != nullptr) then_->accept(id);
    return;
  }
  --left_;
  seen_ = id == end_[seen_] ? seen_ + 1 : id == end_[0] ? 1 : 0;
  if (seen_ == end_.size() || written_ == end_.size()) thinking_ = false;
}

std::vector<int> ReasoningBudget::forced() {
  if (spent()) return {end_.begin() + static_cast<std::ptrdiff_t>(written_), end_.end()};
  return !thinking_ && then_ != nullptr ? then_->forced() : std::vector<int>();
}

bool ReasoningBudget::complete() const { return !thinking_ && then_ != nullptr && then_->complete(); }

}  // namespace dure

#pragma once

#include <memory>
#include <vector>

#include "sampling/constraint.h"

namespace dure {

/// Thoughts, which are free but may not grow for ever: after `budget` tokens of them the model must write their end.
/// What comes after is the business of another constraint, which sees nothing of the thoughts.
class ReasoningBudget : public TokenConstraint {
 public:
  /// `end`: </think> as the tokenizer writes it, not empty. `then` may be null. The answer starts among its thoughts.
  ReasoningBudget(std::vector<int> end, int budget, int vocab_size, std::unique_ptr<TokenConstraint> then);

  std::span<const uint64_t> mask() override;
  void accept(int id) override;
  std::vector<int> forced() override;
  bool complete() const override;

 private:
  bool spent() const { return thinking_ && (written_ > 0 || left_ <= 0); }

  std::vector<int> end_;
  int left_;
  size_t written_ = 0;  // tokens of end_ that were forced
  size_t seen_ = 0;     // tokens of end_ that the model wrote by itself, or was forced to, in a row
  bool thinking_ = true;
  std::vector<uint64_t> mask_;
  std::unique_ptr<TokenConstraint> then_;
};

}  // namespace dure

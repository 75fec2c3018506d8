#pragma once

#include "engine/drafter.h"

namespace dure {

/// What came after the last few tokens when they were there before: answers quote their prompt (prompt lookup decoding,
/// github.com/apoorvumang/prompt-lookup-decoding).
class NgramDrafter : public Drafter {
 public:
  void follow(const KeptBatch& batch) override;
};

/// At most `most` tokens that followed the latest earlier place of the longest end of `tokens` that has one: an end of
/// kLongestNgram tokens if there is such a place, of kShortestNgram at least. Empty if there is none.
std::vector<int> tokens_after_same_end(std::span<const int> tokens, int most);

constexpr int kLongestNgram = 4, kShortestNgram = 2;

}  // namespace dure

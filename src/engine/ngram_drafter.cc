#include "engine/ngram_drafter.h"

#include <algorithm>

namespace dure {

std::vector<int> tokens_after_same_end(std::span<const int> tokens, int most) {
  const size_t n = tokens.size();
  size_t longest = 0, after = 0;  // of the ends that were found, and where what follows it begins
  // Backwards over the last tokens of possible places: a compare of one id rules nearly all of them out.
  for (size_t end = n - std::min<size_t>(n, 1); end-- > 0 && longest < kLongestNgram;) {
    size_t same = 0;
    while (same < kLongestNgram && same <= end && tokens[end - same] == tokens[n - 1 - same]) ++same;
    if (same > longest) longest = same, after = end + 1;
  }
  if (longest < kShortestNgram || most <= 0) return {};
  const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(after);
  return {begin, begin + std::min<std::ptrdiff_t>(most, tokens.end() - begin)};
}

void NgramDrafter::follow(const KeptBatch& batch) {
  for (const KeptRows& part : batch.parts)
    if (part.wanted > 0) part.sequence->drafts = tokens_after_same_end(part.sequence->tokens, part.wanted);
}

}  // namespace dure

#include "sampling/dry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

namespace dure {
namespace {

/// repeats[i]: how many tokens ending i places before the end of the text equal as many at its end, for i in 1 ... n
/// - 1. This is the Z function of the text read backwards (Gusfield, "Algorithms on strings, trees and
/// sequences", 1.4).
std::vector<int> suffix_repeats(std::span<const int> text) {
  const int n = int(text.size());
  const auto backwards = [&](int i) { return text[n - 1 - i]; };
  std::vector<int> repeats(n);
  // [left, right) is the match found so far that reaches furthest back.
  for (int i = 1, left = 0, right = 0; i < n; ++i) {
    int length = i < right ? std::min(right - i, repeats[i - left]) : 0;
    while (i + length < n && backwards(length) == backwards(i + length)) ++length;
    if (i + length > right) {
      left = i;
      right = i + length;
    }
    repeats[i] = length;
  }
  return repeats;
}

}  // namespace

void apply_dry(std::span<float> logits, const SamplingParams& p, std::span<const int> history) {
  if (p.dry_multiplier == 0) return;
  if (p.dry_penalty_last_n >= 0) history = history.last(std::min(history.size(), size_t(p.dry_penalty_last_n)));
  const int n = int(history.size());

  auto breakers = p.dry_sequence_breakers;
  std::sort(breakers.begin(), breakers.end());
  const auto is_breaker = [&](int id) { return std::binary_search(breakers.begin(), breakers.end(), id); };
  int unbroken = 0;  // tokens at the end of the text that no breaker interrupts
  while (unbroken < n && !is_breaker(history[n - 1 - unbroken])) ++unbroken;
  if (unbroken == 0) return;

  std::unordered_map<int, int> longest;  // next token -> length of the repetition that it would carry on
  const auto repeats = suffix_repeats(history);
  for (int i = 1; i < n; ++i) {
    const int length = std::min(repeats[i], unbroken), next = history[n - i];
    if (length == 0 || length < p.dry_allowed_length) continue;
    if (next < 0 || size_t(next) >= logits.size() || is_breaker(next)) continue;
    int& known = longest[next];
    known = std::max(known, length);
  }

  constexpr float kMax = std::numeric_limits<float>::max();
  for (const auto& [id, length] : longest) {
    if (logits[id] == -std::numeric_limits<float>::infinity()) continue;
    const double penalty = p.dry_multiplier * std::pow(double(p.dry_base), length - p.dry_allowed_length);
    logits[id] = float(std::max(logits[id] - penalty, -double(kMax)));
  }
}

}  // namespace dure

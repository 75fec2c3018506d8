#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"

namespace dure {

/// Every random decision of one generated text, and what they cost: the sum of -log(p), the exact entropy of the text
/// in nats if the text tells its decisions. No model can have a smaller mean loss on such texts.
///
/// A choice that was recorded can be given back (`replay`) to make the same text, or one that differs in one decision.
class Choice {
 public:
  /// Decisions of text number `item` under a seed: a pure function of both, the same on every platform.
  Choice(uint64_t seed, uint64_t item) : rng_(seed, item) {}
  /// Takes these decisions first, each modulo the number of ways, then 0 for ever.
  explicit Choice(std::vector<uint32_t> replay) : rng_(0), replay_(std::move(replay)), replaying_(true) {}

  /// Uniform on 0 ... n - 1. REQUIRES: n > 0.
  size_t below(size_t n) {
    if (n == 1) return 0;
    nats_ += std::log(static_cast<double>(n));
    return note(replaying_ ? next_replayed() % n : static_cast<size_t>(rng_.below(n)), n);
  }
  /// Uniform on 0 ... n - 1, counted as one of `all` ways, of which these n are a part that no model can know of.
  /// REQUIRES: n > 0.
  size_t below_part(size_t n, size_t all) {
    const double before = nats_;
    const size_t taken = below(n);
    nats_ = before + std::log(static_cast<double>(all));
    return taken;
  }
  /// Uniform on low ... high.
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<size_t>(high - low + 1))); }
  bool coin() { return below(2) == 1; }
  template <class T>
  const T& of(std::span<const T> ways) {
    return ways[below(ways.size())];
  }
  template <class T, size_t n>
  const T& of(const T (&ways)[n]) {
    return ways[below(n)];
  }
  /// An index, with a probability proportional to its weight. REQUIRES: positive weights.
  size_t weighted(std::span<const uint32_t> weights) {
    uint64_t sum = 0;
    for (const uint32_t w : weights) sum += w;
    size_t i = 0;
    if (replaying_) {
      i = next_replayed() % weights.size();
    } else {
      for (uint64_t at = rng_.below(sum); at >= weights[i]; ++i) at -= weights[i];
    }
    note(i, weights.size());
    nats_ += std::log(static_cast<double>(sum) / weights[i]);
    return i;
  }

  double nats() const { return nats_; }
  struct Decision {
    uint32_t taken, ways;
  };
  const std::vector<Decision>& decisions() const { return decisions_; }
  void record() { recording_ = true; }

 private:
  size_t next_replayed() { return at_ < replay_.size() ? replay_[at_++] : 0; }
  size_t note(uint64_t taken, uint64_t ways) {
    if (recording_) decisions_.push_back({static_cast<uint32_t>(taken), static_cast<uint32_t>(ways)});
    return static_cast<size_t>(taken);
  }

  Rng rng_;
  std::vector<uint32_t> replay_;
  std::vector<Decision> decisions_;
  size_t at_ = 0;
  double nats_ = 0;
  bool replaying_ = false, recording_ = false;
};

}  // namespace dure

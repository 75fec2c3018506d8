#pragma once

#include <bit>
#include <cstdint>

#include "base/rng.h"

namespace dure {

/// A shuffled order of 0 ... n - 1 that needs no table: a Feistel network of four rounds of Philox over the least even
/// number of bits that hold n, applied until the result is less than n (cycle walking; Black and Rogaway, "Ciphers with
/// arbitrary finite domains", CT-RSA 2002). The expected number of steps is less than 4.
class Permutation {
 public:
  /// REQUIRES: n > 0.
  Permutation(uint64_t n, uint64_t seed, uint64_t epoch)
      : n_(n), half_(n <= 1 ? 1 : (std::bit_width(n - 1) + 1) / 2), seed_(seed), epoch_(epoch) {}

  /// Where `i` goes. REQUIRES: i < n.
  uint64_t operator()(uint64_t i) const {
    do i = once(i);
    while (i >= n_);
    return i;
  }

 private:
  uint64_t once(uint64_t i) const {
    const uint64_t mask = (uint64_t{1} << half_) - 1;
    uint64_t left = i >> half_, right = i & mask;
    for (uint32_t round = 0; round < 4; ++round) {
      const auto out = philox4x32({uint32_t(right), round, uint32_t(epoch_), uint32_t(epoch_ >> 32)},
                                  {uint32_t(seed_), uint32_t(seed_ >> 32)});
      const uint64_t next = left ^ (out[0] & mask);
      left = right;
      right = next;
    }
    return left << half_ | right;
  }

  uint64_t n_;
  int half_;  // bits of either side, at most 32
  uint64_t seed_, epoch_;
};

}  // namespace dure

#pragma once

#include <array>
#include <cstdint>

namespace dure {

/// Philox4x32-10: a hash of a 128-bit counter under a 64-bit key that passes for random numbers (Salmon, Moraes, Dror
/// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The same on every platform and compiler.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
               uint32_t(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

/// A stream of random numbers that is a pure function of (seed, stream): streams of one seed are independent, so a
/// computation that numbers its steps can repeat any one of them without the ones before. Cheap to make; not
/// thread-safe.
class Rng {
 public:
  explicit constexpr Rng(uint64_t seed, uint64_t stream = 0)
      : key_{uint32_t(seed), uint32_t(seed >> 32)}, stream_{uint32_t(stream), uint32_t(stream >> 32)} {}

  /// 64 uniform bits.
  constexpr uint64_t bits() {
    const uint64_t block = drawn_ / 2;
    const auto out = philox4x32({uint32_t(block), uint32_t(block >> 32), stream_[0], stream_[1]}, key_);
    const int half = int(drawn_++ % 2) * 2;
    return uint64_t{out[half]} | uint64_t{out[half + 1]} << 32;
  }

  /// Uniform on the multiples of 2^-53 in [0, 1).
  constexpr double uniform() { return double(bits() >> 11) * 0x1p-53; }

  /// Uniform on 0 ... n - 1, without bias (multiples of n that do not fit 64 bits are drawn again).
  /// REQUIRES: n > 0.
  constexpr uint64_t below(uint64_t n) {
    const uint64_t unfair = (0 - n) % n;  // 2^64 mod n
    uint64_t x = bits();
    while (x < unfair) x = bits();
    return x % n;
  }

 private:
  std::array<uint32_t, 2> key_, stream_;
  uint64_t drawn_ = 0;
};

}  // namespace dure

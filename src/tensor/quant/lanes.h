#pragma once

// Four floats at a time, in what both compilers know without intrinsics: every x86-64 has them in one register.

#include <cstdint>
#include <cstring>

namespace dure {

using Lanes = float __attribute__((vector_size(16)));
constexpr int kLanes = 4;

inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}
inline Lanes all(float value) { return Lanes{value, value, value, value}; }

// The second argument where one is NaN.
inline Lanes lesser(Lanes a, Lanes b) { return a < b ? a : b; }
inline Lanes greater(Lanes a, Lanes b) { return a > b ? a : b; }

inline float sum(Lanes v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline float least(Lanes v) {
  const float a = v[0] < v[2] ? v[0] : v[2], b = v[1] < v[3] ? v[1] : v[3];
  return a < b ? a : b;
}
inline float greatest(Lanes v) { return -least(-v); }

/// To the nearest integer, ties to even. REQUIRES: |v| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
inline Lanes round(Lanes v) { return (v + 0x1.8p23f) - 0x1.8p23f; }

// Over n elements, a multiple of kLanes.
inline float sum(const float* x, int64_t n) {
  Lanes total = {};
  for (int64_t i = 0; i < n; i += kLanes) total += load(x + i);
  return sum(total);
}
inline float sum_of_products(const float* x, const float* y, int64_t n) {
  Lanes total = {};
  for (int64_t i = 0; i < n; i += kLanes) total += load(x + i) * load(y + i);
  return sum(total);
}

}  // namespace dure

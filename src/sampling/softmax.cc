#include "sampling/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace dure {
namespace {

constexpr size_t kBlock = 512;  // floats are summed in float this far, then in double

/// The bits of a float as an integer that compares as the float does (-0 before 0); its own inverse.
inline int32_t in_order(int32_t bits) { return bits ^ ((bits >> 31) & 0x7fffffff); }
inline int32_t in_order(float x) { return in_order(std::bit_cast<int32_t>(x)); }

/// Without branches, so that loops of it vectorise (g++ 12 makes a branch of a choice between floats, not of integers).
inline float exp_of(float x) {
  // At -88 n is -127, and 2^n becomes 0 below. The bits of negative floats, as integers, grow with the distance from 0.
  const float clamped = std::bit_cast<float>(std::min(std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(-88.f)));
  // x = n ln 2 + r with |r| <= ln(2) / 2. Adding 1.5 * 2^23 leaves no room for a fraction, so it rounds to nearest.
  constexpr float kRound = 12582912;
  const float n = (clamped * 1.44269504f + kRound) - kRound;
  const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;  // ln 2 in two parts; n * the first is exact
  // Taylor's series; what follows the 7th power is below 6e-9.
  float e = 1.f / 5040;
  e = e * r + 1.f / 720;
  e = e * r + 1.f / 120;
  e = e * r + 1.f / 24;
  e = e * r + 1.f / 6;
  e = e * r + 1.f / 2;
  e = e * r + 1;
  e = e * r + 1;
  const float power_of_2 = std::bit_cast<float>((int32_t(n) + 127) << 23);
  return e * power_of_2;
}

}  // namespace

float max_of(std::span<const float> values) {
  const int32_t lowest = in_order(-std::numeric_limits<float>::infinity());
  // Four maxima side by side, of a quarter each, so that none waits for the one before.
  const size_t quarter = values.size() / 4;
  const float* v = values.data();
  int32_t a = lowest, b = lowest, c = lowest, d = lowest;
  for (size_t i = 0; i < quarter; ++i) {
    a = std::max(a, in_order(v[i]));
    b = std::max(b, in_order(v[i + quarter]));
    c = std::max(c, in_order(v[i + 2 * quarter]));
    d = std::max(d, in_order(v[i + 3 * quarter]));
  }
  for (size_t i = 4 * quarter; i < values.size(); ++i) a = std::max(a, in_order(v[i]));
  return std::bit_cast<float>(in_order(std::max({a, b, c, d})));
}

void exp_nonpositive(std::span<float> y, std::span<const float> x) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = exp_of(x[i]);
}

double sum_of(std::span<const float> values) {
  constexpr size_t kLanes = 16;  // partial sums kept side by side, in whatever width the machine has
  double sum = 0;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
    std::array<float, kLanes> lanes{};
    size_t i = 0;
    for (; i + kLanes <= block.size(); i += kLanes)
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += block[i + lane];
    for (; i < block.size(); ++i) lanes[0] += block[i];
    for (float lane : lanes) sum += lane;
  }
  return sum;
}

double log_sum_exp(std::span<const float> z) {
  const float best = max_of(z);
  if (best == -std::numeric_limits<float>::infinity()) return best;
  std::array<float, kBlock> terms;
  double sum = 0;
  for (size_t begin = 0; begin < z.size(); begin += kBlock) {
    const size_t n = std::min(kBlock, z.size() - begin);
    for (size_t i = 0; i < n; ++i) terms[i] = exp_of(z[begin + i] - best);
    sum += sum_of(std::span(terms).first(n));
  }
  return best + std::log(sum);
}

}  // namespace dure

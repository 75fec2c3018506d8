#include "sampling/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace dure {
namespace {

constexpr size_t kLanes = 16;   // partial results kept side by side, in whatever width the machine has
constexpr size_t kBlock = 512;  // floats are summed in float this far, then in double

float exp_nonpositive(float x) {
  constexpr float kLowest = -87;  // e^-87 is still a normal float
  const float clamped = x > kLowest ? x : kLowest;
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
  return x < kLowest ? 0 : e * power_of_2;
}

}  // namespace

float max_of(std::span<const float> values) {
  std::array<float, kLanes> best;
  best.fill(-std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) best[lane] = std::max(best[lane], values[i + lane]);
  for (; i < values.size(); ++i) best[0] = std::max(best[0], values[i]);
  return *std::max_element(best.begin(), best.end());
}

void exp_nonpositive(std::span<float> y, std::span<const float> x) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = exp_nonpositive(x[i]);
}

double sum_of(std::span<const float> values) {
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
  std::array<float, kBlock> terms;
  double sum = 0;
  for (size_t begin = 0; begin < z.size(); begin += kBlock) {
    const size_t n = std::min(kBlock, z.size() - begin);
    for (size_t i = 0; i < n; ++i) terms[i] = exp_nonpositive(z[begin + i] - best);
    sum += sum_of(std::span(terms).first(n));
  }
  return best + std::log(sum);
}

}  // namespace dure

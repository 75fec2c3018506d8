// MXFP4: 32 elements of E2M1, one scale that is a power of two.
#include "tensor/quant/mxfp4_block.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/quant/lanes.h"
#include "tensor/quant/quant.h"

namespace dure {
namespace {

constexpr int kElements = 32;

float half_scale(uint8_t e) { return __builtin_bit_cast(float, mxfp4_half_scale(e)); }

/// The nibble nearest to x, which is in units of half the scale; halfway it takes the even one.
int nearest(float x) {
  constexpr float kBounds[] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};
  const float magnitude = std::fabs(x);
  int code = 0;
  while (code < 7 && (magnitude > kBounds[code] || (magnitude == kBounds[code] && code % 2 == 1))) ++code;
  return code | (code != 0 && std::signbit(x) ? 8 : 0);
}

/// The sum of weighted squares that a scale leaves.
double error(const float* x, const float* weights, uint8_t e) {
  const float unit = half_scale(e);
  double sum = 0;
  for (int i = 0; i < kElements; ++i) {
    const double left = double(x[i]) - double(unit) * kMXFP4Values[nearest(x[i] / unit)];
    sum += left * left * weights[i];
  }
  return sum;
}

/// The scale under which the largest element is below 4, 8 or 16 halves and at least half of that: one of them leaves
/// the least. None under which an element would overflow.
uint8_t best_scale(const float* x, const float* weights) {
  constexpr int kLargest = 252;
  float largest = 0;
  for (int i = 0; i < kElements; ++i) largest = std::max(largest, std::fabs(x[i]));
  if (!(largest > 0)) return 0;
  const int e = std::ilogb(std::min(largest, std::numeric_limits<float>::max())) - 2 + 127;
  uint8_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int tried = e - 1; tried <= e + 1; ++tried) {
    const uint8_t scale = static_cast<uint8_t>(std::clamp(tried, 0, kLargest));
    if (const double left = error(x, weights, scale); left < least) least = left, best = scale;
  }
  return best;
}

}  // namespace

template <>
void dequantise<BlockMXFP4>(const void* blocks, float* values, int64_t n) {
  const auto* block = static_cast<const BlockMXFP4*>(blocks);
  for (int64_t at = 0; at < n; at += kElements, ++block)
    for (int i = 0; i < kElements; ++i)
      values[at + i] = half_scale(block->e) * kMXFP4Values[block->qs[i % 16] >> i / 16 * 4 & 15];
}

template <>
void quantise<BlockMXFP4>(const float* row, const float* importance, void* blocks, int64_t n) {
  constexpr float kLeastImportance = 1e-4f;  // as in the other formats, see codec.h
  const float unit = importance == nullptr ? 0 : static_cast<float>(n) / sum(importance, n);
  auto* block = static_cast<BlockMXFP4*>(blocks);
  for (int64_t at = 0; at < n; at += kElements, ++block) {
    float weights[kElements];
    for (int i = 0; i < kElements; ++i)
      weights[i] = std::isnormal(unit) ? importance[at + i] * unit + kLeastImportance : 1;
    *block = {};
    block->e = best_scale(row + at, weights);
    const float scale = half_scale(block->e);
    for (int i = 0; i < kElements; ++i)
      block->qs[i % 16] |= static_cast<uint8_t>(nearest(row[at + i] / scale) << i / 16 * 4);
  }
}

}  // namespace dure

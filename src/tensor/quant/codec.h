#pragma once

// What the formats share: a block taken apart into integers, and the arithmetic on it. Each format adds where its bits
// lie (unpack, pack) and the ranges of its integers. Included by the formats' sources only.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/fit.h"
#include "tensor/quant/quant.h"

namespace dure {

/// A block taken apart: element i is (d * scale[g]) * code[i] - dmin * min[g], with g its group.
template <int kSize, int kGroupCount>
struct Parts {
  static constexpr int kElements = kSize, kGroups = kGroupCount, kGroup = kSize / kGroupCount;
  float d = 0, dmin = 0;
  int scale[kGroups], min[kGroups] = {};
  int code[kElements];
};

// A format is, for its block type:
//   using Parts = ...;                      how many elements and groups
//   static constexpr Range kCodes;          of codes (first and last)
//   static constexpr Range kScales;         of scale codes; {1, 1}: the block has one scale, d itself
//   static constexpr Minimum kMinimum;
//   static constexpr Search kSearch;        for the scale of a group
//   static int nearest(float x);            the code nearest to x
//   static Parts unpack(const Block&);
//   static void pack(const Parts&, Block&);
template <class Block>
struct Format;

/// A format whose codes are consecutive integers.
template <int kFirst, int kLast>
struct UniformCodes {
  static constexpr Range kCodes = {kFirst, kLast};
  static int nearest(float x) { return nearest_integer(x, kCodes); }
};

inline float to_finite_f16(float value, uint16_t& bits) {
  bits = float_to_f16(std::clamp(value, -65504.f, 65504.f));
  return f16_to_float(bits);
}

/// Rounds a factor as the file will.
inline float as_stored(float value) {
  uint16_t bits;
  return to_finite_f16(value, bits);
}

template <class Block>
void dequantise(const void* blocks, float* values, int64_t n) {
  using Parts = typename Format<Block>::Parts;
  const auto* block = static_cast<const Block*>(blocks);
  for (const Block* end = block + n / Parts::kElements; block < end; ++block, values += Parts::kElements) {
    const Parts parts = Format<Block>::unpack(*block);
    for (int g = 0; g < Parts::kGroups; ++g) {
      const float scale = parts.d * static_cast<float>(parts.scale[g]);
      const float min = parts.dmin * static_cast<float>(parts.min[g]);
      for (int i = g * Parts::kGroup; i < (g + 1) * Parts::kGroup; ++i)
        values[i] = scale * static_cast<float>(parts.code[i]) - min;
    }
  }
}

/// The parts of one block, given a weight for the square of each error: fits each group, then rounds the scales to the
/// block's factors, then the elements.
template <class F>
typename F::Parts encode(const float* x, const float* weights) {
  using Parts = typename F::Parts;
  Parts parts;
  Fit fits[Parts::kGroups];
  float scale = 0, min = 0;  // those furthest from zero
  for (int g = 0; g < Parts::kGroups; ++g) {
    const float *group = x + g * Parts::kGroup, *w = weights + g * Parts::kGroup;
    fits[g] = F::kMinimum == Minimum::None ? fit_scale(group, w, Parts::kGroup, F::kCodes, F::nearest, F::kSearch)
                                           : fit_affine(group, w, Parts::kGroup, F::kCodes, F::kMinimum, F::kSearch);
    if (std::fabs(fits[g].scale) > std::fabs(scale)) scale = fits[g].scale;
    if (std::fabs(fits[g].min) > std::fabs(min)) min = fits[g].min;
  }
  parts.d = as_stored(scale / static_cast<float>(F::kScales.furthest()));
  parts.dmin = as_stored(min / static_cast<float>(F::kScales.furthest()));
  for (int g = 0; g < Parts::kGroups; ++g) {
    parts.scale[g] = nearest_integer(ratio(fits[g].scale, parts.d), F::kScales);
    parts.min[g] = nearest_integer(ratio(fits[g].min, parts.dmin), F::kScales);
    const float group_scale = parts.d * static_cast<float>(parts.scale[g]);
    const float group_min = parts.dmin * static_cast<float>(parts.min[g]);
    for (int i = g * Parts::kGroup; i < (g + 1) * Parts::kGroup; ++i)
      parts.code[i] = F::nearest(ratio(x[i] + group_min, group_scale));
  }
  return parts;
}

template <class Block>
void quantise(const float* row, const float* importance, void* blocks, int64_t n) {
  constexpr int kElements = Format<Block>::Parts::kElements;
  auto* block = static_cast<Block*>(blocks);
  float weights[kElements];
  std::fill_n(weights, kElements, 1.f);
  for (int64_t at = 0; at < n; at += kElements, ++block) {
    if (importance) std::copy_n(importance + at, kElements, weights);
    *block = {};
    Format<Block>::pack(encode<Format<Block>>(row + at, weights), *block);
  }
}

}  // namespace dure

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

/// How much the square of an element's error weighs. Without importance: floor * r^power + |x|^power, r being the
/// block's root mean square. With it: importance * (r^2 + x^2)^(magnitude / 2), r being the row's. The larger a weight,
/// the larger its part in the output; how much to make of that is a matter of experience with each format.
struct Weighting {
  int power;
  float floor;
  int magnitude = 1;
};

// A format is, for its block type:
//   using Parts = ...;                      how many elements and groups
//   static constexpr Range kCodes;          of codes
//   static Lanes nearest(Lanes x);          the codes nearest to x; one of them for NaN
//   static constexpr Range kScales;         of scale codes; {1, 1}: the block has one scale, d itself
//   static constexpr Minimum kMinimum;
//   static constexpr Search kSearch;        for the scale of a group
//   static constexpr Weighting kWeighting;
//   static Parts unpack(const Block&);
//   static void pack(const Parts&, Block&);
template <class Block>
struct Format;

/// A format whose codes are consecutive integers.
template <int kFirst, int kLast>
struct UniformCodes {
  static constexpr Range kCodes = {kFirst, kLast};
  static constexpr Search kSearch = {5, 2, 0.3f};
  static Lanes nearest(Lanes x) { return round(lesser(greater(x, all(kFirst)), all(kLast))); }
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

/// The factor of a super-block's scales or minima: they are values to be fitted like any others.
template <class F>
float fit_factor(const Fit* fits, float Fit::*value, float Fit::*weight) {
  constexpr int kGroups = F::Parts::kGroups;
  float values[kGroups], weights[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    values[g] = fits[g].*value;
    weights[g] = fits[g].*weight;
  }
  constexpr Search kSearch = {10, 10, 0.3f};
  return fit_scale<UniformCodes<F::kScales.first, F::kScales.last>, kGroups>(values, weights, kSearch).scale;
}

/// Chooses scale[g] and min[g]: the integers nearest to the fit, or a neighbouring scale with the minimum that suits
/// its codes where that leaves less error.
template <class F>
void choose_scale(typename F::Parts& parts, int g, const Fit& fit, const float* x, const float* w) {
  constexpr int kGroup = F::Parts::kGroup;
  const int scale = F::kScales.nearest(ratio(fit.scale, parts.d)), min = F::kScales.nearest(ratio(fit.min, parts.dmin));
  parts.scale[g] = scale;
  parts.min[g] = min;
  float least = INFINITY;
  for (int s = std::max(scale - 1, F::kScales.first); s <= std::min(scale + 1, F::kScales.last); ++s)
    for (int m = min, round = 0; round < 3; ++round) {
      const Remainder left =
          remainder<F, kGroup>(x, w, parts.d * static_cast<float>(s), parts.dmin * static_cast<float>(m));
      if (left.error < least) {
        least = left.error;
        parts.scale[g] = s;
        parts.min[g] = m;
      }
      const int better = F::kScales.nearest(ratio(left.shift / fit.min_weight, parts.dmin));
      if (F::kMinimum == Minimum::None || better == m) break;
      m = better;
    }
}

/// The parts of one block, given a weight for the square of each error.
template <class F>
typename F::Parts encode(const float* x, const float* weights) {
  using Parts = typename F::Parts;
  constexpr int kGroup = Parts::kGroup;
  Parts parts;
  Fit fits[Parts::kGroups];
  for (int g = 0; g < Parts::kGroups; ++g) {
    const float *group = x + g * kGroup, *w = weights + g * kGroup;
    if constexpr (F::kMinimum == Minimum::None)
      fits[g] = fit_scale<F, kGroup>(group, w, F::kSearch);
    else
      fits[g] = fit_affine<F, F::kMinimum, kGroup>(group, w, F::kSearch);
  }
  if constexpr (Parts::kGroups == 1) {
    parts.d = as_stored(fits[0].scale);
    parts.dmin = as_stored(fits[0].min);
    parts.scale[0] = parts.min[0] = 1;
  } else {
    parts.d = as_stored(fit_factor<F>(fits, &Fit::scale, &Fit::scale_weight));
    if constexpr (F::kMinimum != Minimum::None)
      parts.dmin = as_stored(fit_factor<F>(fits, &Fit::min, &Fit::min_weight));
    for (int g = 0; g < Parts::kGroups; ++g) choose_scale<F>(parts, g, fits[g], x + g * kGroup, weights + g * kGroup);
  }
  for (int g = 0; g < Parts::kGroups; ++g) {
    const float inverse = ratio(1, parts.d * static_cast<float>(parts.scale[g]));
    const float min = parts.dmin * static_cast<float>(parts.min[g]);
    for (int i = g * kGroup; i < (g + 1) * kGroup; i += kLanes) {
      const Lanes codes = F::nearest((load(x + i) + min) * inverse);
      for (int l = 0; l < kLanes; ++l) parts.code[i + l] = static_cast<int>(codes[l]);
    }
  }
  return parts;
}

/// The weights of one block's errors, where no importance is given.
template <class F>
void weigh(const float* x, float* weights) {
  constexpr int kElements = F::Parts::kElements, kPower = F::kWeighting.power;
  const float square = sum_of_products(x, x, kElements) / kElements;
  const float least = F::kWeighting.floor * (kPower == 0 ? 1 : kPower == 1 ? std::sqrt(square) : square);
  for (int i = 0; i < kElements; ++i)
    weights[i] = least + (kPower == 0 ? 1 : kPower == 1 ? std::fabs(x[i]) : x[i] * x[i]);
}

template <class Block>
void quantise(const float* row, const float* importance, void* blocks, int64_t n) {
  using F = Format<Block>;
  constexpr int kElements = F::Parts::kElements;
  // Relative to the row's mean importance, whose unit then does not matter; no column is worth nothing at all.
  constexpr float kLeastImportance = 1e-4f;
  float importance_unit = 0, row_square = 0;
  if (importance) {
    importance_unit = static_cast<float>(n) / sum(importance, n);
    row_square = sum_of_products(row, row, n) / static_cast<float>(n);
  }
  float weights[kElements];
  auto* block = static_cast<Block*>(blocks);
  for (int64_t at = 0; at < n; at += kElements, ++block) {
    const float* x = row + at;
    if (std::isnormal(importance_unit))
      for (int i = 0; i < kElements; ++i)
        weights[i] = (importance[at + i] * importance_unit + kLeastImportance) *
                     (F::kWeighting.magnitude == 0 ? 1 : std::sqrt(row_square + x[i] * x[i]));
    else
      weigh<F>(x, weights);
    *block = {};
    F::pack(encode<F>(x, weights), *block);
  }
}

}  // namespace dure

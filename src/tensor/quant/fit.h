#pragma once

// The search for scales: which scale (and minimum) makes the weighted squared error of a group small. All arrays have a
// length that is known when compiled and a multiple of kLanes.

#include <algorithm>
#include <cmath>

#include "tensor/quant/lanes.h"

namespace dure {

/// Consecutive integers, both ends included.
struct Range {
  int first, last;
  constexpr int furthest() const { return -first > last ? first : last; }  ///< from zero; negative if a tie is broken
  int nearest(float x) const {                                             ///< the first for NaN
    if (!(x > static_cast<float>(first))) return first;
    return x >= static_cast<float>(last) ? last : static_cast<int>(std::nearbyint(x));
  }
};

enum class Minimum {
  None,      ///< values are scale * code
  Positive,  ///< scale * code - min, and neither scale nor min can be negative
  Any,       ///< scale * code - min
};

/// How a scale is searched for. The outermost value is put on the outermost code, and on points up to `below` steps
/// before it and `above` steps beyond; the best of these scales is then polished. No steps: the outermost code is taken
/// as it is, unpolished.
struct Search {
  int below, above;
  float step;               ///< in codes
  bool both_signs = false;  ///< of the scale are tried, for codes that do not lie evenly
};
constexpr int kPolish = 3;  // rounds: codes from the scale, scale from the codes; stops earlier where nothing is gained

/// A group of values as scale * code - min.
struct Fit {
  float scale = 0, min = 0;
  float scale_weight = 0, min_weight = 0;  ///< sums of w code^2 and of w: what the square of an error in each costs
};

/// a / b, and 0 where b is 0.
inline float ratio(float a, float b) { return b == 0 ? 0 : a / b; }

struct Extremes {
  float lowest, highest;
};
template <int N>
Extremes extremes(const float* x) {
  Lanes low = load(x), high = low;
  for (int i = kLanes; i < N; i += kLanes) {
    low = lesser(load(x + i), low);
    high = greater(load(x + i), high);
  }
  return {least(low), greatest(high)};
}

/// A scale that makes sum w[i] (x[i] - scale * code[i])^2 small. For each scale under trial, values are rounded to
/// codes (Codes::nearest) and the least squares for these codes are taken.
template <class Codes, int N>
Fit fit_scale(const float* x, const float* w, const Search& search) {
  const auto [lowest, highest] = extremes<N>(x);
  const float extreme = -lowest > highest ? lowest : highest;
  const float end = static_cast<float>(Codes::kCodes.furthest());
  if (!std::isnormal(1 / extreme)) return {};
  if (search.step == 0) return {std::fabs(extreme / end)};

  Fit best;
  float gain = 0;  // by how much the squared error is lower than with all zeros
  const auto gains = [&](float inverse) {
    Lanes wcc = {}, wcx = {};
    for (int i = 0; i < N; i += kLanes) {
      const Lanes v = load(x + i), c = Codes::nearest(v * inverse), wc = load(w + i) * c;
      wcc += wc * c;
      wcx += wc * v;
    }
    const float codes2 = sum(wcc), products = sum(wcx);
    if (!(products * products > gain * codes2) || codes2 == 0) return false;
    gain = products * products / codes2;
    best.scale = products / codes2;
    best.scale_weight = codes2;
    return true;
  };
  for (int step = -search.below; step <= search.above; ++step) {
    const float inverse = (end + search.step * static_cast<float>(step)) / extreme;
    gains(inverse);
    if (search.both_signs) gains(-inverse);
  }
  for (int round = 0; round < kPolish && best.scale != 0 && gains(1 / best.scale); ++round) {}
  return best;
}

/// The same for sum w[i] (x[i] - (scale * code[i] - min))^2 with codes from 0 on.
template <class Codes, Minimum kMinimum, int N>
Fit fit_affine(const float* x, const float* w, const Search& search) {
  const auto [lowest, highest] = extremes<N>(x);
  const float low = kMinimum == Minimum::Positive && lowest > 0 ? 0 : lowest, span = highest - low;
  const float end = static_cast<float>(Codes::kCodes.last);
  const double sw = sum(w, N), swx = sum_of_products(w, x, N);
  if (!std::isnormal(end / span)) return {0, -low, 0, static_cast<float>(sw)};

  Fit best{span / end, -low, static_cast<float>(sw) * end * end, static_cast<float>(sw)};
  double gain = -INFINITY;
  const auto gains = [&](float inverse, float min) {
    Lanes wc = {}, wcc = {}, wcx = {};
    for (int i = 0; i < N; i += kLanes) {
      const Lanes v = load(x + i), c = Codes::nearest((v + min) * inverse), product = load(w + i) * c;
      wc += product;
      wcc += product * c;
      wcx += product * v;
    }
    const double swc = sum(wc), swcc = sum(wcc), swcx = sum(wcx), determinant = sw * swcc - swc * swc;
    if (!(determinant > 0)) return false;  // all codes are equal
    double scale = (sw * swcx - swc * swx) / determinant, fitted_min = (scale * swc - swx) / sw;
    if (kMinimum == Minimum::Positive && fitted_min < 0) {
      fitted_min = 0;
      scale = swcx / swcc;
    }
    const double found =
        scale * (2 * swcx - scale * swcc + 2 * fitted_min * swc) - fitted_min * (2 * swx + fitted_min * sw);
    if (!(scale > 0 && found > gain)) return false;
    gain = found;
    best.scale = static_cast<float>(scale);
    best.min = static_cast<float>(fitted_min);
    best.scale_weight = static_cast<float>(swcc);
    return true;
  };
  for (int step = -search.below; step <= search.above; ++step)
    gains((end + search.step * static_cast<float>(step)) / span, -low);
  for (int round = 0; round < kPolish && gains(1 / best.scale, best.min); ++round) {}
  return best;
}

/// What remains when a group is rounded to codes under a given scale and minimum.
struct Remainder {
  float error;  ///< sum w (x - (scale * code - min))^2
  float shift;  ///< sum w (scale * code - x): min_weight times the best minimum for these codes
};
template <class Codes, int N>
Remainder remainder(const float* x, const float* w, float scale, float min) {
  Lanes error = {}, shift = {};
  const float inverse = ratio(1, scale);
  for (int i = 0; i < N; i += kLanes) {
    const Lanes v = load(x + i), residual = Codes::nearest((v + min) * inverse) * scale - v, weight = load(w + i);
    error += weight * (residual - min) * (residual - min);
    shift += weight * residual;
  }
  return {sum(error), sum(shift)};
}

}  // namespace dure

#include "tensor/quant/fit.h"

#include <algorithm>
#include <cmath>

namespace dure {
namespace {

/// Sums over one group for the codes under trial; in double, so that a fit does not depend on rounding.
struct Sums {
  double weights = 0, codes = 0, codes2 = 0, x = 0, x2 = 0, products = 0;
  void add(double weight, double value, double code) {
    weights += weight;
    codes += weight * code;
    codes2 += weight * code * code;
    x += weight * value;
    x2 += weight * value * value;
    products += weight * value * code;
  }
  double error(double scale, double min) const {
    return scale * scale * codes2 + weights * min * min + x2 - 2 * (scale * min * codes + scale * products - min * x);
  }
};

}  // namespace

int nearest_integer(float x, Range range) {
  if (!(x > static_cast<float>(range.first))) return range.first;
  if (x >= static_cast<float>(range.last)) return range.last;
  return static_cast<int>(std::nearbyint(x));
}

Fit fit_scale(const float* x, const float* w, int n, Range codes, int (*nearest)(float), Search search) {
  float extreme = 0;
  for (int i = 0; i < n; ++i)
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  const float end = static_cast<float>(codes.furthest());
  if (search.steps == 0) return {std::fabs(extreme) / std::fabs(end), 0};

  Fit best;
  double gain = 0;  // by how much the best fit lowers the squared error from that of all zeros
  for (int step = -search.steps; step <= search.steps; ++step) {
    const float scale = extreme / (end + search.step * static_cast<float>(step));
    Sums sums;
    for (int i = 0; i < n; ++i) sums.add(w[i], x[i], nearest(ratio(x[i], scale)));
    if (sums.codes2 > 0 && sums.products * sums.products > gain * sums.codes2) {
      gain = sums.products * sums.products / sums.codes2;
      best.scale = static_cast<float>(sums.products / sums.codes2);
    }
  }
  return best;
}

Fit fit_affine(const float* x, const float* w, int n, Range codes, Minimum minimum, Search search) {
  const auto [low_at, high_at] = std::minmax_element(x, x + n);
  const float low = minimum == Minimum::Positive ? std::min(*low_at, 0.f) : *low_at;
  const float span = *high_at - low;
  if (!(span > 0)) return {0, -low};

  Fit best{span / static_cast<float>(codes.last), -low};
  double least = INFINITY;
  for (int step = -search.steps; step <= search.steps; ++step) {
    const float scale = span / (static_cast<float>(codes.last) + search.step * static_cast<float>(step));
    Sums sums;
    for (int i = 0; i < n; ++i) sums.add(w[i], x[i], nearest_integer((x[i] - low) / scale, codes));
    const double determinant = sums.weights * sums.codes2 - sums.codes * sums.codes;
    if (determinant <= 0) continue;  // all codes are equal
    double fitted = (sums.weights * sums.products - sums.codes * sums.x) / determinant;
    double min = (fitted * sums.codes - sums.x) / sums.weights;
    if (minimum == Minimum::Positive && min < 0) {
      min = 0;
      fitted = sums.products / sums.codes2;
    }
    const double error = sums.error(fitted, min);
    if (fitted > 0 && error < least) {
      least = error;
      best = {static_cast<float>(fitted), static_cast<float>(min)};
    }
  }
  return best;
}

}  // namespace dure

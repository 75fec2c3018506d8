#pragma once

namespace dure {

/// Consecutive integers, both ends included.
struct Range {
  int first, last;
  constexpr int furthest() const { return -first > last ? first : last; }  ///< from zero; negative if a tie is broken
};

enum class Minimum {
  None,      ///< values are scale * code
  Positive,  ///< scale * code - min, and neither scale nor min can be negative
  Any,       ///< scale * code - min
};

/// How a scale is searched for: besides the obvious one, `steps` smaller and as many larger ones, chosen so that the
/// outermost code moves by `step` each time. No steps: the obvious scale is taken as it is.
struct Search {
  int steps;
  float step;
};

/// A group of values as scale * code - min.
struct Fit {
  float scale = 0, min = 0;
};

/// The integer nearest to x in the range; its first for NaN.
int nearest_integer(float x, Range range);

/// a / b, and 0 where b is 0.
inline float ratio(float a, float b) { return b == 0 ? 0 : a / b; }

/// The scale that makes sum w[i] (x[i] - scale * code[i])^2 small: starts with the one that puts the value furthest
/// from zero on the outermost code, and for each that is tried takes the best scale for its codes (least squares).
/// `nearest` gives the code nearest to a number.
Fit fit_scale(const float* x, const float* w, int n, Range codes, int (*nearest)(float), Search search);

/// The same for sum w[i] (x[i] - (scale * code[i] - min))^2 with codes from 0 to codes.last.
Fit fit_affine(const float* x, const float* w, int n, Range codes, Minimum minimum, Search search);

}  // namespace dure

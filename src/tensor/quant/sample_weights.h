#pragma once

#include <cmath>
#include <vector>

#include "base/rng.h"

namespace dure {

/// For tests and benchmarks: a matrix as models have them, normal values with one column in 64 eight times as large,
/// and importances that span orders of magnitude. The same numbers everywhere, to a float's last bit.
struct SampleWeights {
  int rows, columns;
  std::vector<float> values;      // [rows, columns]
  std::vector<float> importance;  // [columns]
};

inline SampleWeights sample_weights(int rows, int columns) {
  const auto normal = [](Rng& rng) {  // Box and Muller
    const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
    return radius * std::cos(2 * 3.14159265358979324 * rng.uniform());
  };
  SampleWeights sample{rows, columns, {}, {}};
  std::vector<double> deviation;
  Rng of_columns(1);
  for (int c = 0; c < columns; ++c) {
    deviation.push_back(of_columns.below(64) == 0 ? 0.16 : 0.02);
    sample.importance.push_back(static_cast<float>(std::exp(1.5 * normal(of_columns))));
  }
  for (int r = 0; r < rows; ++r) {
    Rng rng(2, static_cast<uint64_t>(r));
    for (int c = 0; c < columns; ++c) sample.values.push_back(static_cast<float>(normal(rng) * deviation[c]));
  }
  return sample;
}

}  // namespace dure

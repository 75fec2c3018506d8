#pragma once

#include <cstdint>
#include <vector>

namespace dure {

/// How large the learning rate is, as a share of its peak.
struct Schedule {
  enum class Shape : uint8_t {
    constant,
    wsd,  ///< warm-up, stable, decay: constant until decay_from, then 1 - sqrt of the decay's progress (Hägele et al.,
          ///< 2024) down to `final`
    cosine  ///< half a wave from the start to the end, down to `final`
  };
  Shape shape = Shape::wsd;
  int64_t warmup_steps = 100;  ///< the share grows in equal steps to 1, whatever the shape is
  double decay_from = 0.6;     ///< progress at which the decay of wsd begins
  double final = 0.05;         ///< share at the end

  /// `step` counts from 0; `progress` is the share of the run's tokens seen before it, in [0, 1].
  double operator()(int64_t step, double progress) const;
};

/// A number that changes during a run: it is that of the last entry whose progress has been reached.
struct Stages {
  struct Entry {
    double progress;  ///< share of the run's tokens, in [0, 1)
    double value;
  };
  std::vector<Entry> entries;  ///< ascending, the first one at progress 0

  double operator()(double progress) const;
};

}  // namespace dure

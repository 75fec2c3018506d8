#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dure {

double Schedule::operator()(int64_t step, double progress) const {
  const double warm = step < warmup_steps ? static_cast<double>(step + 1) / static_cast<double>(warmup_steps) : 1;
  double share = 1;
  if (shape == Shape::wsd && progress > decay_from) {
    const double decay = std::min((progress - decay_from) / (1 - decay_from), 1.0);
    share = final + (1 - final) * (1 - std::sqrt(decay));
  } else if (shape == Shape::cosine) {
    share = final + (1 - final) * (1 + std::cos(std::numbers::pi * std::min(progress, 1.0))) / 2;
  }
  return warm * share;
}

double Stages::operator()(double progress) const {
  double value = 0;
  for (const Entry& entry : entries)
    if (progress >= entry.progress) value = entry.value;
  return value;
}

}  // namespace dure

#include "toolbox/ratio.h"

#include <algorithm>
#include <cmath>

namespace dure {

Estimate Ratio::estimate() const {
  if (weight_ <= 0) return {};
  const double ratio = value_ / weight_, n = static_cast<double>(count_);
  const double residuals = values_ - 2 * ratio * products_ + ratio * ratio * weights_;
  return {ratio, n > 1 ? std::sqrt(std::max(residuals, 0.0) * n / (n - 1)) / weight_ : 0};
}

}  // namespace dure

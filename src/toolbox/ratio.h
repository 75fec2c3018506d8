#pragma once

#include <cstdint>

#include "toolbox/evaluate.h"

namespace dure {

/// A sum of values over a sum of weights, with its standard error over what was added one by one: bits over bytes of
/// documents, or with weights of 1 the mean of right answers.
class Ratio {
 public:
  void add(double value, double weight = 1) {
    ++count_;
    value_ += value;
    weight_ += weight;
    values_ += value * value;
    products_ += value * weight;
    weights_ += weight * weight;
  }
  int64_t count() const { return count_; }
  double weight() const { return weight_; }
  /// To first order (Cochran, "Sampling techniques", section 2.11). 0 while the weights are.
  Estimate estimate() const;

 private:
  int64_t count_ = 0;
  double value_ = 0, weight_ = 0, values_ = 0, products_ = 0, weights_ = 0;  // the last three: of squares
};

}  // namespace dure

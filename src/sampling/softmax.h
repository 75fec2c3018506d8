#pragma once

#include <span>

namespace dure {

// The parts of a softmax, written so that a compiler for any x86-64 or ARM vectorises them and each gives the same
// bits: the exponential is arithmetic alone (no libm) and sums have a fixed order.

/// The largest of `values`, -inf if there are none. REQUIRES: no NaN.
float max_of(std::span<const float> values);

/// y = e^x for x <= 0, within 2 units in the last place; e^0 = 1 exactly, and 0 below -87.7, where floats thin out.
/// x, y  [n]; may be the same memory
void exp_nonpositive(std::span<float> y, std::span<const float> x);

/// The sum, in double. REQUIRES: no value is negative.
double sum_of(std::span<const float> values);

/// log(sum_i e^z_i), -inf if every z is. REQUIRES: none is NaN or +inf.
double log_sum_exp(std::span<const float> z);

}  // namespace dure

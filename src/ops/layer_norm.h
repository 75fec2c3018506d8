#pragma once

#include "tensor/tensor.h"

namespace dure {

/// Layer normalisation over the last dimension (Ba et al., 2016):
///
///     y[t, i] = (x[t, i] - mean(x[t])) / sqrt(variance(x[t]) + eps) * weight[i] + bias[i]
///
/// x             [..., D]  f32
/// weight, bias  [D]       f32
/// returns       [..., D]
/// No gradient. Throws Error if weight or bias does not have x's last dimension.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps);

}  // namespace dure

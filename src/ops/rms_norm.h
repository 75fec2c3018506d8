#pragma once

#include "tensor/tensor.h"

namespace dure {

/// Root-mean-square normalisation over the last dimension (Zhang and Sennrich, 2019):
///
///     y[t, i] = x[t, i] / sqrt(mean_j x[t, j]^2 + eps) * weight[i]
///
/// x       [..., D]  f32
/// weight  [D]       f32
/// returns [..., D]
/// Throws Error if weight does not have x's last dimension.
Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps);

}  // namespace dure

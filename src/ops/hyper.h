#pragma once

#include <tuple>

#include "backend/backend.h"

namespace dure {

/// The three mixes of hyper-connections with n streams (nn/hyper_connection.h), from m [T, n (n + 2)]:
///
///     pre  [T, n]     sigmoid(m[h] factor[0] + base[h]) + eps
///     post [T, n]     2 sigmoid(m[n + h] factor[1] + base[n + h])
///     comb [T, n, n]  Sinkhorn(m[2n + n j + k] factor[2] + base[2n + n j + k]): softmax over k, plus eps, columns
///                     divided by their sum plus eps; then (iterations - 1) times rows, then columns
/// No gradient.
std::tuple<Tensor, Tensor, Tensor> hyper_mix(const Tensor& m, const Tensor& base, const Tensor& factor, int streams,
                                             int iterations, float eps);
/// The first of them alone: m [T, n], base [n], factor [1] -> [T, n].
Tensor hyper_weights(const Tensor& m, const Tensor& base, const Tensor& factor, float eps);

/// sum_h pre[t, h] x[t, h]: x [T, n, D], pre [T, n] -> [T, D]. No gradient.
Tensor hyper_collapse(const Tensor& x, const Tensor& pre);

/// post[t, k] block[t] + sum_j comb[t, j, k] x[t, j]: x [T, n, D], block [T, D] -> [T, n, D]. No gradient.
Tensor hyper_expand(const Tensor& x, const Tensor& block, const Tensor& post, const Tensor& comb);

}  // namespace dure

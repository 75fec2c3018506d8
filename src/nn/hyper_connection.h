#pragma once

#include "nn/linear.h"

namespace dure {

/// Manifold-constrained hyper-connections (mHC, arXiv 2512.24880; DeepSeek-V4, arXiv 2606.19348): a model carries n
/// residual streams X [T, n, D]. Before a block they are collapsed to one row, and after it they are mixed by a matrix
/// that Sinkhorn's iterations made doubly stochastic, and the block's output is added to each:
///
///     y = sum_h pre_h X_h        X'_k = post_k block(y) + sum_j comb_jk X_j
struct HyperConnection {
  Linear fn;      ///< [T, n D] -> [T, n (n + 2)], float32
  Tensor base;    ///< [n (n + 2)]
  Tensor factor;  ///< [3] of pre, post and comb
  RmsNorm norm;   ///< over [n D], with ones
  int streams, iterations;
  float eps;

  struct Mix {
    Tensor pre, post, comb;  // [T, n] [T, n] [T, n, n]
  };
  Mix mix(const Tensor& x) const;                                           // [T, n, D]
  Tensor collapse(const Tensor& x, const Mix& m) const;                     // [T, n, D] -> [T, D]
  Tensor expand(const Tensor& x, const Tensor& block, const Mix& m) const;  // [T, n, D], [T, D] -> [T, n, D]
};

/// The end of the model: the streams become one row, by weights of their own.
struct HyperHead {
  Linear fn;      ///< [T, n D] -> [T, n]
  Tensor base;    ///< [n]
  Tensor factor;  ///< [1]
  RmsNorm norm;
  float eps;

  Tensor operator()(const Tensor& x) const;  // [T, n, D] -> [T, D]
};

}  // namespace dure

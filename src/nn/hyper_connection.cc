#include "nn/hyper_connection.h"

#include "ops/hyper.h"
#include "ops/view.h"

namespace dure {

HyperConnection::Mix HyperConnection::mix(const Tensor& x) const {
  const Tensor m = fn(norm(reshape(x, {x.dim(0), -1})));  // [T, n (n + 2)]
  const auto [pre, post, comb] = hyper_mix(m, base, factor, streams, iterations, eps);
  return {pre, post, comb};
}

Tensor HyperConnection::collapse(const Tensor& x, const Mix& m) const { return hyper_collapse(x, m.pre); }

Tensor HyperConnection::expand(const Tensor& x, const Tensor& block, const Mix& m) const {
  return hyper_expand(x, block, m.post, m.comb);
}

Tensor HyperHead::operator()(const Tensor& x) const {
  const Tensor m = fn(norm(reshape(x, {x.dim(0), -1})));  // [T, n]
  return hyper_collapse(x, hyper_weights(m, base, factor, eps));
}

}  // namespace dure

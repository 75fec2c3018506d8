#include "ops/hyper.h"

#include "base/error.h"
#include "ops/tape.h"

namespace dure {

std::tuple<Tensor, Tensor, Tensor> hyper_mix(const Tensor& m, const Tensor& base, const Tensor& factor, int streams,
                                             int iterations, float eps) {
  record_nothing("hyper_mix", {m, base, factor});
  const int64_t T = m.dim(0), n = streams;
  require(m.dim(1) == n * (n + 2) && base.shape() == Shape{m.dim(1)} && factor.shape() == Shape{3},
          "hyper_mix: {} streams, mix {}, base {}, factor {}", n, m.shape(), base.shape(), factor.shape());
  const auto empty = [&](const Shape& shape) { return Tensor::empty(m.device(), DType::F32, shape); };
  Tensor pre = empty({T, n}), post = empty({T, n}), comb = empty({T, n, n});
  m.device().backend().hyper_mix(pre.view(), post.view(), comb.view(), m.view(), base.view(), factor.view(), iterations,
                                 eps);
  return {pre, post, comb};
}

Tensor hyper_weights(const Tensor& m, const Tensor& base, const Tensor& factor, float eps) {
  record_nothing("hyper_weights", {m, base, factor});
  require(base.shape() == Shape{m.dim(1)} && factor.shape() == Shape{1}, "hyper_weights: mix {}, base {}, factor {}",
          m.shape(), base.shape(), factor.shape());
  Tensor pre = Tensor::like(m);  // [T, n]
  m.device().backend().hyper_mix(pre.view(), {}, {}, m.view(), base.view(), factor.view(), 0, eps);
  return pre;
}

Tensor hyper_collapse(const Tensor& x, const Tensor& pre) {
  record_nothing("hyper_collapse", {x, pre});
  require(pre.shape() == Shape{x.dim(0), x.dim(1)}, "hyper_collapse: streams {}, weights {}", x.shape(), pre.shape());
  Tensor y = Tensor::empty(x.device(), DType::F32, {x.dim(0), x.dim(2)});  // [T, D]
  x.device().backend().hyper_collapse(y.view(), x.view(), pre.view());
  return y;
}

Tensor hyper_expand(const Tensor& x, const Tensor& block, const Tensor& post, const Tensor& comb) {
  record_nothing("hyper_expand", {x, block, post, comb});
  require(block.shape() == Shape{x.dim(0), x.dim(2)}, "hyper_expand: streams {}, block {}", x.shape(), block.shape());
  Tensor y = Tensor::like(x);  // [T, n, D]
  x.device().backend().hyper_expand(y.view(), x.view(), block.view(), post.view(), comb.view());
  return y;
}

}  // namespace dure

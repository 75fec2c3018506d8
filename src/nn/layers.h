#pragma once

#include "nn/kv_cache.h"

namespace dure {

/// The mixing half of a decoder layer. `layer` is its index in the cache.
class Attention {
 public:
  virtual ~Attention() = default;
  virtual Tensor operator()(const Tensor& x, const Batch& b, int layer) const = 0;  // [T, D] -> [T, D]
  virtual std::vector<CachePlane> cache_planes() const = 0;
  virtual int64_t products() const = 0;  ///< multiply-adds of a query row with one position, all heads: H (Dk + Dv)
};

/// The other half.
class FeedForward {
 public:
  virtual ~FeedForward() = default;
  virtual Tensor operator()(const Tensor& x, const Batch& b, int layer) const = 0;  // [T, D] -> [T, D]
};

}  // namespace dure

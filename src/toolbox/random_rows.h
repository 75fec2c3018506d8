#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "models/model_shape.h"

namespace dure {

/// Rows of matrices that look like trained ones: normal values, stored in some dtype. They are cut from one long list,
/// which is made once, so that a model of any size takes no longer than copying it.
class RandomRows {
 public:
  /// REQUIRES: a dtype that floats can be quantised to.
  RandomRows(DType dtype, double deviation);

  /// Whole blocks, from a place in the list that depends on `index` alone. REQUIRES: `bytes` is a multiple of a block.
  void fill(std::byte* row, int64_t bytes, uint64_t index) const;

 private:
  static constexpr int64_t kElements = 1 << 20;
  const DTypeInfo& type_;
  std::vector<std::byte> encoded_;
};

/// Those of a model: one list for each dtype. Embeddings are far larger than what random layers add to them; else all
/// tokens would look alike after some layers, as attention adds the same to each, and would choose the same experts.
class RandomModel {
 public:
  const RandomRows& rows(DType dtype, Part part);
  /// Norms are ones, biases zeros.
  static std::vector<float> vector(int64_t size, Part part);

 private:
  std::map<std::pair<DType, bool>, RandomRows> lists_;  // bool: of embeddings
};

}  // namespace dure

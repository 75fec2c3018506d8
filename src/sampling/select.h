#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "sampling/softmax.h"

namespace dure {

// Prefixes of a descending order, found without sorting. Among equal keys the lower index goes first. Keys are not NaN.

/// A place in the order.
struct Cut {
  float key;
  size_t index;

  /// Whether an element stands at this place or before it.
  bool keeps(float other_key, size_t other_index) const {
    return (other_key > key) | ((other_key == key) & (other_index <= index));  // no branches: hard to predict
  }
};

/// The place of the k-th element, of the last if there are fewer. Linear; fast if k is below n / 64.
/// REQUIRES: k > 0 and there are keys.
Cut find_kth(std::span<const float> keys, size_t k);

/// The last element of the shortest prefix that weighs `mass` or more, of all if none does; of one element at least.
/// Linear, unless most keys are at nearly the same distance from the largest.
/// keys, weights  [n], n > 0; weights >= 0
Cut find_mass(std::span<const float> keys, std::span<const float> weights, double mass);

/// Calls visit(index), in ascending order, for every element that the cut keeps.
template <class Visit>
void for_each_kept(std::span<const float> keys, Cut cut, Visit visit) {
  constexpr size_t kBlock = 64;
  for (size_t begin = 0; begin < keys.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, keys.size());
    if (max_of(keys.subspan(begin, end - begin)) < cut.key) continue;  // most blocks, if the cut keeps few
    size_t kept[kBlock];
    size_t n = 0;
    for (size_t i = begin; i < end; ++i) {
      kept[n & (kBlock - 1)] = i;  // written always, passed only if it is kept: cheaper than a mispredicted branch
      n += cut.keeps(keys[i], i);
    }
    for (size_t j = 0; j < n; ++j) visit(kept[j]);
  }
}

}  // namespace dure

#pragma once

#include <cstddef>
#include <span>

namespace dure {

/// A place in the descending order of some keys, where the lower index goes first among equals.
struct Cut {
  float key;
  size_t index;

  /// Whether an element stands at this place or before it.
  bool keeps(float other_key, size_t other_index) const {
    return other_key > key || (other_key == key && other_index <= index);
  }
};

/// The last element of the shortest run of elements, taken in descending order of their keys, that has `count` members
/// or weighs `weight` or more. The run has one element at least, and all of them if it never gets there.
///
/// Does not sort: elements fall into buckets by the leading bits of (largest key - key), and only the bucket with the
/// cut is put in order. Linear, unless most keys are at nearly the same distance from the largest.
///
/// keys     [n], n > 0; no NaN
/// weights  [n], >= 0; or empty: only `count` matters
Cut find_cut(std::span<const float> keys, size_t count, std::span<const float> weights, double weight);
Cut find_cut(std::span<const float> keys, size_t count);

}  // namespace dure

#include "sampling/select.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/error.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

// A bucket is a distance's exponent and the first six bits of its mantissa, from 2^-12 to 2^20: 64 buckets per
// doubling, so that the resolution suits logits of any temperature. What is nearer or farther shares the first or last
// bucket.
constexpr int kShift = 23 - 6;
constexpr int kBuckets = 32 * 64;
constexpr int kFirst = (127 - 12) << 6;

int bucket_of(float distance) {
  return std::clamp((std::bit_cast<int32_t>(distance) >> kShift) - kFirst, 0, kBuckets - 1);
}

}  // namespace

Cut find_cut(std::span<const float> keys, size_t count, std::span<const float> weights, double weight) {
  DURE_ASSERT(!keys.empty());
  const float best = max_of(keys);
  std::array<uint32_t, kBuckets> counts{};
  std::array<double, kBuckets> masses{};
  for (size_t i = 0; i < keys.size(); ++i) {
    const int bucket = bucket_of(best - keys[i]);
    ++counts[bucket];
    if (!weights.empty()) masses[bucket] += weights[i];
  }

  // Whole buckets, as long as they don't get there.
  int bucket = 0;
  size_t taken = 0;
  double mass = 0;
  while (bucket < kBuckets - 1 && taken + counts[bucket] < count && mass + masses[bucket] < weight) {
    taken += counts[bucket];
    mass += masses[bucket];
    ++bucket;
  }

  // Then the elements of the bucket with the cut, in order.
  std::vector<Cut> rest;
  rest.reserve(counts[bucket]);
  for (size_t i = 0; i < keys.size(); ++i)
    if (bucket_of(best - keys[i]) == bucket) rest.push_back({keys[i], i});
  std::sort(rest.begin(), rest.end(),
            [](const Cut& a, const Cut& b) { return a.key > b.key || (a.key == b.key && a.index < b.index); });
  for (const Cut& element : rest) {
    if (!weights.empty()) mass += weights[element.index];
    if (++taken >= count || mass >= weight) return element;
  }
  // Only sums rounded otherwise, or a request for more than there is, lead here: the whole bucket is in.
  return rest.empty() ? Cut{-std::numeric_limits<float>::infinity(), keys.size()} : rest.back();
}

Cut find_cut(std::span<const float> keys, size_t count) {
  return find_cut(keys, count, {}, std::numeric_limits<double>::infinity());
}

}  // namespace dure

#include "sampling/select.h"

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "base/error.h"

namespace dure {
namespace {

constexpr size_t kBlock = 64;  // keys that are passed over together, by their maximum
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool goes_before(const Cut& a, const Cut& b) { return a.key > b.key || (a.key == b.key && a.index < b.index); }

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

Cut find_kth(std::span<const float> keys, size_t k) {
  DURE_ASSERT(!keys.empty() && k > 0);
  // k blocks have a maximum of at least `least`, so k elements have: nothing below it can be among the first k.
  float least = -kInfinity;
  if (k <= keys.size() / kBlock) {
    std::vector<float> maxima;
    for (size_t i = 0; i + kBlock <= keys.size(); i += kBlock) maxima.push_back(max_of(keys.subspan(i, kBlock)));
    std::nth_element(maxima.begin(), maxima.begin() + long(k - 1), maxima.end(), std::greater());
    least = maxima[k - 1];
  }
  std::vector<Cut> first;
  for_each_kept(keys, {least, keys.size()}, [&](size_t i) { first.push_back({keys[i], i}); });
  const auto kth = first.begin() + long(std::min(k, first.size()) - 1);
  std::nth_element(first.begin(), kth, first.end(), goes_before);
  return *kth;
}

Cut find_mass(std::span<const float> keys, std::span<const float> weights, double mass) {
  DURE_ASSERT(!keys.empty() && keys.size() == weights.size());
  const float best = max_of(keys);
  std::array<double, kBuckets> masses{};
  for (size_t i = 0; i < keys.size(); ++i) masses[bucket_of(best - keys[i])] += weights[i];

  // Whole buckets, as long as they don't reach the mass; then the elements of the next, in order.
  int bucket = 0;
  double sum = 0;
  while (bucket < kBuckets - 1 && sum + masses[bucket] < mass) sum += masses[bucket++];
  std::vector<Cut> rest;
  for (size_t begin = 0; begin < keys.size(); begin += kBlock) {
    const auto block = keys.subspan(begin, std::min(kBlock, keys.size() - begin));
    if (bucket_of(best - max_of(block)) > bucket) continue;
    for (size_t i = 0; i < block.size(); ++i)
      if (bucket_of(best - block[i]) == bucket) rest.push_back({block[i], begin + i});
  }
  std::sort(rest.begin(), rest.end(), goes_before);
  for (const Cut& element : rest) {
    sum += weights[element.index];
    if (sum >= mass) return element;
  }
  // A mass that is out of reach, or within reach only as the bucket's sum was rounded.
  return rest.empty() ? Cut{-kInfinity, keys.size()} : rest.back();
}

}  // namespace dure

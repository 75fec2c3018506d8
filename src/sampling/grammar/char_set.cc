#include "sampling/grammar/char_set.h"

#include <algorithm>

namespace dure::grammar {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF, kLast = 0x10FFFF;

}  // namespace

CharSet CharSet::all() { return CharSet(0, kLast); }

void CharSet::add(char32_t first, char32_t last) {
  last = std::min(last, kLast);
  if (first < kFirstSurrogate && last > kLastSurrogate) {
    add(first, kFirstSurrogate - 1);
    first = kLastSurrogate + 1;
  }
  if (first >= kFirstSurrogate && first <= kLastSurrogate) first = kLastSurrogate + 1;
  if (last >= kFirstSurrogate && last <= kLastSurrogate) last = kFirstSurrogate - 1;
  if (first > last) return;
  // What touches or overlaps becomes one range.
  auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                               [](const Range& r, char32_t c) { return r.last + 1 < c; });
  auto to = from;
  for (; to != ranges_.end() && to->first <= last + 1; ++to) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
  }
  from = ranges_.erase(from, to);
  ranges_.insert(from, {first, last});
}

void CharSet::add(const CharSet& other) {
  for (const Range& r : other.ranges_) add(r.first, r.last);
}

CharSet CharSet::complement() const {
  CharSet out;
  char32_t next = 0;
  for (const Range& r : ranges_) {
    if (r.first > next) out.add(next, r.first - 1);
    next = r.last + 1;
  }
  if (next <= kLast) out.add(next, kLast);
  return out;
}

CharSet CharSet::intersect(const CharSet& other) const {
  CharSet out;
  for (auto a = ranges_.begin(), b = other.ranges_.begin(); a != ranges_.end() && b != other.ranges_.end();) {
    const char32_t first = std::max(a->first, b->first), last = std::min(a->last, b->last);
    if (first <= last) out.ranges_.push_back({first, last});
    ++(a->last < b->last ? a : b);
  }
  return out;
}

bool CharSet::contains(char32_t c) const {
  const auto at =
      std::lower_bound(ranges_.begin(), ranges_.end(), c, [](const Range& r, char32_t v) { return r.last < v; });
  return at != ranges_.end() && at->first <= c;
}

}  // namespace dure::grammar

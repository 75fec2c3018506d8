#pragma once

#include <vector>

#include "tensor/view.h"

namespace dure {

/// The T x k choices sorted by expert: those of expert e are order[start[e]] to order[start[e + 1]], by token.
struct Grouping {
  std::vector<int64_t> start;  // [E + 1]
  std::vector<int64_t> order;  // [T k] choices, t * k + i
  std::vector<int64_t> place;  // [T k] where a choice is in `order`
};

inline Grouping group_by_expert(ConstView ids, size_t experts) {
  const int64_t k = ids.columns(), choices = ids.rows() * k;
  const auto expert_of = [&](int64_t c) { return static_cast<size_t>(ids.row<int>(c / k)[c % k]); };
  Grouping g{std::vector<int64_t>(experts + 1), std::vector<int64_t>(static_cast<size_t>(choices)),
             std::vector<int64_t>(static_cast<size_t>(choices))};
  for (int64_t c = 0; c < choices; ++c) ++g.start[expert_of(c) + 1];
  for (size_t e = 0; e < experts; ++e) g.start[e + 1] += g.start[e];
  std::vector<int64_t> next(g.start.begin(), g.start.end() - 1);
  for (int64_t c = 0; c < choices; ++c) {
    const int64_t place = next[expert_of(c)]++;
    g.order[place] = c;
    g.place[c] = place;
  }
  return g;
}

}  // namespace dure

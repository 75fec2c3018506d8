#pragma once

#include "nn/kv_cache.h"

namespace dure {

/// Lines of one cache plane, or rows of a batch without a cache, that are picked for each of R queries: list after
/// list.
struct LineLists {
  std::vector<int> sequences;     ///< [R] whose lines they are
  std::vector<int> starts = {0};  ///< [R + 1] where each list begins
  std::vector<int> lines;         ///< [starts[R]]

  int size() const { return static_cast<int>(sequences.size()); }
  /// Adds a list; fill it with `lines.push_back`, then call end().
  void begin(int sequence) { sequences.push_back(sequence); }
  void end() { starts.push_back(static_cast<int>(lines.size())); }
  int length(int list) const { return starts[static_cast<size_t>(list) + 1] - starts[static_cast<size_t>(list)]; }
};

/// What the lists name, as float32: [starts[R], width].
/// pages      [blocks, lines of a block, width] with the batch's cache; else undefined
/// fresh      [L, width] without a cache: line l of sequence s is row first[s] + l
Tensor gather_lines(const LineLists& lists, const Tensor& pages, const Tensor& fresh, std::span<const int> first,
                    const Batch& b);

/// Each query attends the lines of its own list; an empty list yields 0 and a log-sum-exp of -infinity.
/// q [R, H, D]; key parts and value [starts[R], heads, width] -> [R, H, Dv]; lse receives [R, H], if given.
Tensor attend_lists(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const LineLists& lists,
                    float scale, Tensor* lse = nullptr);

}  // namespace dure

#pragma once

#include <algorithm>

#include "engine/sequence.h"

namespace dure {

/// Has the rows of a batch attend to the pages of their sequences.
inline void use_cache(Batch& b, KVCache& cache, Device& device, RowKind kind,
                      const std::vector<const Sequence*>& sequences) {
  size_t widest = 0;
  for (const Sequence* s : sequences) widest = std::max(widest, s->blocks.size());
  std::vector<int> table;  // [S, widest]
  for (const Sequence* s : sequences) {
    table.insert(table.end(), s->blocks.begin(), s->blocks.end());
    table.resize(table.size() + widest - s->blocks.size());
  }
  b.kind = kind;
  b.cache = &cache;
  b.block_table =
      Tensor::from(device, table).alias({static_cast<int64_t>(sequences.size()), static_cast<int64_t>(widest)});
}

}  // namespace dure

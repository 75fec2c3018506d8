#include "toolbox/sequence_run.h"

#include "base/error.h"

namespace dure {
namespace {

int pages_for(int capacity) { return (capacity + KVCache::kBlockSize - 1) / KVCache::kBlockSize; }

}  // namespace

SequenceRun::SequenceRun(Model& model, Device& device, int sequences, int capacity, DType cache_dtype)
    : model_(model),
      device_(device),
      cache_(device, model.cache_planes(model.can_draft()), sequences * pages_for(capacity), cache_dtype),
      pages_each_(pages_for(capacity)),
      lengths_(static_cast<size_t>(sequences)) {}

Tensor SequenceRun::feed(const std::vector<std::vector<int>>& rows, const Trace* trace, Batch* keep) {
  Batch b;
  std::vector<int> table;
  b.starts = {0};
  for (size_t s = 0; s < rows.size(); ++s) {
    if (rows[s].empty()) continue;
    require(lengths_[s] + static_cast<int>(rows[s].size()) <= pages_each_ * KVCache::kBlockSize,
            "sequence of {} tokens: room for {}", lengths_[s] + rows[s].size(), pages_each_ * KVCache::kBlockSize);
    for (const int token : rows[s]) {
      b.tokens.push_back(token);
      b.positions.push_back(lengths_[s]++);
    }
    b.starts.push_back(b.rows());
    // Pages of a sequence run backwards through the cache, so that nothing passes by taking them for a plain array.
    for (int page = 0; page < pages_each_; ++page) table.push_back((static_cast<int>(s) + 1) * pages_each_ - 1 - page);
  }
  b.cache = &cache_;
  b.block_table = Tensor::from(device_, table).alias({static_cast<int64_t>(b.starts.size()) - 1, pages_each_});
  b.trace = trace;
  if (keep != nullptr) *keep = b;
  return model_.forward(b);
}

}  // namespace dure

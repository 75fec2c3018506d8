#include "toolbox/sequence_run.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/rng.h"

namespace dure {
namespace {

int pages_for(int capacity) { return (capacity + KVCache::kBlockSize - 1) / KVCache::kBlockSize; }

/// Values in [-1, 1), a short list of them again and again.
void fill_with_noise(const Tensor& plane) {
  constexpr int64_t kValues = 4096 + 64;  // no multiple of a row, so that neighbours differ
  Rng rng(1);
  std::vector<float> values(kValues);
  for (float& v : values) v = static_cast<float>(2 * rng.uniform() - 1);
  const DTypeInfo& type = info(plane.dtype());
  std::vector<std::byte> encoded(static_cast<size_t>(kValues * type.block_bytes));
  type.quantise(values.data(), nullptr, encoded.data(), kValues);
  auto* data = static_cast<std::byte*>(plane.view().data);
  const auto step = static_cast<int64_t>(encoded.size());
  for (int64_t at = 0; at < plane.bytes(); at += step)
    std::memcpy(data + at, encoded.data(), static_cast<size_t>(std::min(step, plane.bytes() - at)));
}

}  // namespace

SequenceRun::SequenceRun(Model& model, Device& device, int sequences, int capacity, DType cache_dtype)
    : model_(model),
      device_(device),
      cache_(device, model.cache_planes(model.can_draft()), sequences * pages_for(capacity), cache_dtype),
      pages_each_(pages_for(capacity)),
      lengths_(static_cast<size_t>(sequences)) {}

Tensor SequenceRun::feed(const std::vector<std::vector<int>>& rows, const Trace* trace, Batch* keep, RowKind kind) {
  Batch b;
  b.kind = kind;
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

void SequenceRun::pretend(int length) {
  if (!std::exchange(made_up_, true)) {
    const auto planes = model_.cache_planes(model_.can_draft());
    for (size_t layer = 0; layer < planes.size(); ++layer)
      for (size_t plane = 0; plane < planes[layer].size(); ++plane)
        fill_with_noise(cache_.pages(static_cast<int>(layer), static_cast<int>(plane), 1));
  }
  std::fill(lengths_.begin(), lengths_.end(), length);
}

}  // namespace dure

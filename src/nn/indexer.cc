#include "nn/indexer.h"

#include "ops/select.h"
#include "ops/view.h"

namespace dure {

Tensor Indexer::turn(const Tensor& x, std::span<const int> positions) const {
  const auto [pe, rest] = split(x, qk_rope_head_dim);
  return concat(rope(pe, positions, rotary.frequencies, rotary.magnitude, rotary.style), rest);
}

SparseRows Indexer::operator()(const Tensor& x, const Tensor& q_a, const Batch& b, int layer, int plane) const {
  const Tensor k = turn(reshape(k_norm(wk(x)), {-1, 1, head_dim}), b.positions);  // [T, 1, head_dim]
  const Tensor keys = b.cache != nullptr ? append_to_cache(k, b, layer, plane) : k;

  SparseRows far;
  std::vector<int> starts = {0}, positions;
  for (size_t s = 0; s + 1 < b.starts.size(); ++s) {
    for (int t = b.starts[s]; t < b.starts[s + 1]; ++t) {
      if (dense(b.positions[static_cast<size_t>(t)])) continue;
      far.rows.push_back(t);
      far.sequences.push_back(static_cast<int>(s));
      positions.push_back(b.positions[static_cast<size_t>(t)]);
    }
    starts.push_back(static_cast<int>(far.rows.size()));
  }
  if (far.rows.empty()) return far;

  const Tensor q = turn(reshape(wq_b(take_rows(q_a, far.rows)), {-1, num_heads, head_dim}), positions);  // [R, H, Di]
  const Tensor weights = weights_proj(take_rows(x, far.rows));                                           // [R, H]
  const std::span<const int> lines(b.starts.data(), b.starts.size() - 1);
  far.positions = b.cache != nullptr ? select_paged(q, weights, keys, b.block_table, {starts, positions}, topk)
                                     : select_lines(q, weights, keys, lines, {starts, positions}, topk);
  return far;
}

}  // namespace dure

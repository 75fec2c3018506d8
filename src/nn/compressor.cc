#include "nn/compressor.h"

#include "ops/attention.h"
#include "ops/pool.h"
#include "ops/view.h"

namespace dure {

Tensor turn_last(const Tensor& x, int rope_dim, std::span<const int> positions, const RotaryEmbedding& rotary) {
  const auto [rest, pe] = split(x, x.dim(-1) - rope_dim);
  return concat(rest, rope(pe, positions, rotary.frequencies, rotary.magnitude, rotary.style));
}

Compressor::Entries Compressor::operator()(const Tensor& x, const Batch& b, int layer, int plane) const {
  const int P = parts(), T = b.rows();
  std::vector<int> places;
  for (const int p : b.positions) places.push_back(p % ratio);
  const Tensor values = reshape(wkv(x), {T, P, width});                                // [T, P, W]
  const Tensor gates = reshape(add(wgate(x), take_rows(ape, places)), {T, P, width});  // [T, P, W]
  const Tensor both = concat(values, gates);                                           // [T, P, 2 W]

  // The lines of each entry that this batch completes: parts of tokens.
  LineLists lists;
  std::vector<int> starts = {0}, entries;
  for (size_t s = 0; s + 1 < b.starts.size(); ++s) {
    for (int t = b.starts[s]; t < b.starts[s + 1]; ++t) {
      const int end = b.positions[static_cast<size_t>(t)] + 1, own = end - ratio;
      if (end % ratio != 0) continue;
      lists.begin(static_cast<int>(s));
      if (P == 2 && own > 0)
        for (int p = own - ratio; p < own; ++p) lists.lines.push_back(p * P);
      for (int p = own; p < end; ++p) lists.lines.push_back(p * P + P - 1);
      lists.end();
      entries.push_back(end / ratio - 1);
    }
    starts.push_back(static_cast<int>(entries.size()));
  }

  Entries result;
  Tensor kept;  // values and gates of all tokens as pages of their parts
  if (b.cache != nullptr) {
    append_to_cache(both, b, layer, plane + 1);
    kept = b.cache->pages(layer, plane + 1, 1);
    kept = kept.alias({kept.dim(0), kept.dim(1) * P, 2 * width});  // [blocks, block_size P, 2 W]
    result.pages = b.cache->pages(layer, plane, 1);
    result.pages = result.pages.alias({result.pages.dim(0), result.pages.dim(1), width});
  }
  result.first.assign(starts.begin(), starts.end() - 1);
  if (entries.empty()) return result;

  std::vector<int> first;  // row of each sequence's first part
  for (size_t s = 0; s + 1 < b.starts.size(); ++s) first.push_back(b.starts[s] * P);
  const Tensor lines = gather_lines(lists, kept, reshape(both, {T * P, 2 * width}), first, b);
  std::vector<int> positions;  // of the entries' first own tokens
  for (const int n : entries) positions.push_back(n * ratio);
  const Tensor pooled = reshape(norm(softmax_pool(lines, lists.starts)), {-1, 1, width});            // [N, 1, W]
  const Tensor rows = reshape(turn_last(pooled, qk_rope_head_dim, positions, rotary), {-1, width});  // [N, W]
  if (b.cache != nullptr)
    cache_append(result.pages, rows, b.block_table, {starts, entries});
  else
    result.fresh = rows;
  return result;
}

std::vector<CachePlane> Compressor::cache_planes(const std::string& name) const {
  return {{name, width, ratio}, {name + "_parts", 2 * parts() * width}};
}

}  // namespace dure

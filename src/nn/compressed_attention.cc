#include "nn/compressed_attention.h"

#include <algorithm>
#include <cmath>

#include "ops/attention.h"
#include "ops/select.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kEntries = 1, kIndexEntries = 3;  // planes; the window's rows come first

}  // namespace

Tensor CompressedAttention::operator()(const Tensor& x, const Batch& b, int layer) const {  // x: [T, D]
  const int T = b.rows(), H = num_heads, rope = qk_rope_head_dim;
  const Tensor q_r = q_norm(wq_a(x));                                                                      // [T, r_q]
  const Tensor q = turn_last(head_norm(reshape(wq_b(q_r), {T, H, head_dim})), rope, b.positions, rotary);  // [T, H, d]
  const Tensor row = turn_last(reshape(kv_norm(wkv(x)), {T, 1, head_dim}), rope, b.positions, rotary);     // [T, 1, d]

  const auto pages_of = [&](int plane) {
    const Tensor pages = b.cache->pages(layer, plane, 1);
    return pages.alias({pages.dim(0), pages.dim(1), pages.dim(3)});
  };
  if (b.cache != nullptr) append_to_cache(row, b, layer, 0);
  const Tensor rows = b.cache != nullptr ? pages_of(0) : Tensor();
  Compressor::Entries entries;
  if (compressor) entries = (*compressor)(x, b, layer, kEntries);
  const Tensor picked = index ? pick(x, q_r, b, layer) : Tensor();

  constexpr int kLines = 4096;  // that are gathered at once
  Tensor o = Tensor::empty(x.device(), DType::F32, {T, H, head_dim});
  for (int t = 0, s = 0; t < T;) {
    LineLists near, far;
    std::vector<int> queries;
    while (t < T && near.starts.back() + far.starts.back() < kLines) {
      while (t >= b.starts[static_cast<size_t>(s) + 1]) ++s;
      const int position = b.positions[static_cast<size_t>(t)];
      near.begin(s), far.begin(s);
      for (int p = std::max(position + 1 - window, 0); p <= position; ++p) near.lines.push_back(p);
      if (picked.defined()) {
        for (const int n : picked.rows(t, 1).data<int>())
          if (n >= 0) far.lines.push_back(n);
      } else if (compressor) {
        for (int n = 0; n < compressor->visible(position); ++n) far.lines.push_back(n);
      }
      near.end(), far.end();
      queries.push_back(t++);
    }

    const int R = near.size();
    const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
    const Tensor query = take_rows(q, queries);  // [R, H, d]
    Tensor lse, far_lse;                         // [R, H]
    const auto attend = [&](const LineLists& lists, const Tensor& pages, const Tensor& fresh,
                            std::span<const int> first, Tensor* sum) {
      const Tensor lines = reshape(gather_lines(lists, pages, fresh, first, b), {-1, 1, head_dim});  // [N, 1, d]
      return attend_lists(query, {lines, {}}, lines, lists, scale, sum);
    };
    const Tensor y = attend(near, rows, reshape(row, {T, head_dim}), b.starts, &lse);  // [R, H, d]
    if (!far.lines.empty())
      merge_attention(y, lse, attend(far, entries.pages, entries.fresh, entries.first, &far_lse), far_lse);
    // A sink is one more position whose value is zero.
    merge_attention(y, lse, Tensor::zeros(x.device(), DType::F32, y.shape()),
                    contiguous(attn_sink.alias({R, H}, {0, 1}, 0)));
    put_rows(o, queries, y);
  }

  const Tensor turned = turn_last(o, rope, b.positions, back);                            // [T, H, d]
  const Tensor low = wo_a(reshape(turned, {T, groups, int64_t{H} / groups * head_dim}));  // [T, groups, r_o]
  return wo_b(reshape(low, {T, -1}));                                                     // [T, D]
}

Tensor CompressedAttention::pick(const Tensor& x, const Tensor& q_r, const Batch& b, int layer) const {
  const Compressor::Entries keys = index->compressor(x, b, layer, kIndexEntries);
  std::vector<int> last;  // entry that each row sees
  for (const int p : b.positions) last.push_back(index->compressor.visible(p) - 1);
  if (*std::max_element(last.begin(), last.end()) < index->topk) return {};

  const Tensor q = turn_last(reshape(index->wq_b(q_r), {b.rows(), index->num_heads, index->head_dim}), qk_rope_head_dim,
                             b.positions, index->compressor.rotary);  // [T, H_i, d_i]
  const Tensor weights = index->weights_proj(x);                      // [T, H_i]
  if (b.cache == nullptr)
    return select_lines(q, weights, reshape(keys.fresh, {-1, 1, index->head_dim}), keys.first, {b.starts, last},
                        index->topk);
  const Tensor pages = keys.pages.alias({keys.pages.dim(0), keys.pages.dim(1), 1, index->head_dim});
  return select_paged(q, weights, pages, b.block_table, {b.starts, last}, index->topk);
}

std::vector<CachePlane> CompressedAttention::cache_planes() const {
  std::vector<CachePlane> planes = {{"kv", head_dim}};
  const auto add = [&](const std::vector<CachePlane>& more) { planes.insert(planes.end(), more.begin(), more.end()); };
  if (compressor) add(compressor->cache_planes("entry"));
  if (index) add(index->compressor.cache_planes("index"));
  return planes;
}

}  // namespace dure

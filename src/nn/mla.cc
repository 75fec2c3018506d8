#include "nn/mla.h"

#include <algorithm>
#include <cmath>

#include "nn/cells.h"
#include "nn/gather.h"
#include "ops/attention.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kIndexPlane = 2;

/// Pages [blocks, block_size, 1, width] as cache_read() takes them.
Tensor lines_of(const Tensor& pages) { return pages.alias({pages.dim(0), pages.dim(1), pages.dim(3)}); }

}  // namespace

Tensor MLA::operator()(const Tensor& x, const Batch& b, int layer) const {  // x: [T, D]
  const int nope = qk_nope_head_dim, rope = qk_rope_head_dim;
  const Tensor q_a = q_a_proj ? (*q_a_norm)((*q_a_proj)(x)) : x;
  const Tensor q = q_b_proj(q_a);
  const auto [q_nope, q_r] = split(reshape(q, {-1, num_heads, nope + rope}), nope);  // [T, H, nope] [T, H, rope]
  const auto [latent, k_r] = split(kv_a_proj(x), kv_lora_rank);                      // [T, 512] [T, rope]

  const Tensor q_pe = rotary(q_r, b);                                  // [T, H, rope]
  const Tensor c = reshape(kv_a_norm(latent), {-1, 1, kv_lora_rank});  // [T, 1, 512]
  const Tensor k_pe = rotary(reshape(k_r, {-1, 1, rope}), b);          // [T, 1, rope]

  const bool expand = b.kind == RowKind::prompt && b.cache != nullptr;
  const Tensor o = expand ? prompt(q_nope, q_pe, c, k_pe, b, layer) : absorbed(q_nope, q_pe, c, k_pe, b, layer);
  if (indexer) attend_picked(o, q_nope, q_pe, c, k_pe, (*indexer)(x, q_a, b, layer, kIndexPlane), b, layer);
  return o_proj(reshape(o, {-1, int64_t{num_heads} * v_head_dim}));  // [T, D]
}

float MLA::scale() const {
  return rotary.softmax_scale / std::sqrt(static_cast<float>(qk_nope_head_dim + qk_rope_head_dim));
}

Tensor MLA::absorbed(const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe, const Batch& b,
                     int layer) const {
  const Tensor query = concat(w_uk(q_nope), q_pe);  // [T, H, 512 + rope]
  if (b.cache == nullptr || !indexer) return w_uv(attend(query, {c, k_pe}, c, b, layer, scale()));  // [T, H, v]

  const Tensor latents = append_to_cache(c, b, layer, 0), keys = append_to_cache(k_pe, b, layer, 1);
  std::vector<int> positions = b.positions;
  for (int& p : positions)
    if (!indexer->dense(p)) p = -1;
  return w_uv(attention_paged(query, {latents, keys}, latents, b.block_table, {b.starts, positions}, scale()));
}

Tensor MLA::prompt(const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe, const Batch& b,
                   int layer) const {
  const Tensor latents = append_to_cache(c, b, layer, 0), keys = append_to_cache(k_pe, b, layer, 1);
  const Cells cells = indexer ? Cells(b, indexer->topk) : Cells(b);
  if (cells.line_positions.empty())  // all rows attend picked positions
    return Tensor::zeros(c.device(), DType::F32, {q_nope.dim(0), num_heads, v_head_dim});

  const Tensor own_c = cache_read(lines_of(latents), cells.block_table, cells.lines());  // [N, 512]
  const Tensor own_pe = cache_read(lines_of(keys), cells.block_table, cells.lines());    // [N, rope]
  const int64_t N = own_c.dim(0);
  const Tensor every = own_c.alias({N, num_heads, kv_lora_rank}, {kv_lora_rank, 0, 1}, 0);  // the same for all heads
  const Tensor k = w_uk.turned()(every), v = w_uv(every);                                   // [N, H, nope] [N, H, v]

  Tensor lse, earlier_lse;  // [T, H]
  const std::span<const int> first_lines(cells.line_starts.data(), cells.line_starts.size() - 1);
  const Tensor o = attention_lines(concat(q_nope, q_pe), {k, reshape(own_pe, {N, 1, qk_rope_head_dim})}, v, first_lines,
                                   cells.own(), scale(), &lse);  // [T, H, v]
  if (cells.first_only) return o;
  const Tensor earlier = attention_paged(concat(w_uk(q_nope), q_pe), {latents, keys}, latents, cells.block_table,
                                         cells.earlier(), scale(), &earlier_lse);  // [T, H, 512]
  merge_attention(o, lse, w_uv(earlier), earlier_lse);
  return o;
}

void MLA::attend_picked(const Tensor& o, const Tensor& q_nope, const Tensor& q_pe, const Tensor& c, const Tensor& k_pe,
                        const SparseRows& sparse, const Batch& b, int layer) const {
  constexpr size_t kRows = 4;  // whose lines are gathered at once: 19 MiB of DeepSeek-V3.2's
  for (size_t first = 0; first < sparse.rows.size(); first += kRows) {
    const size_t end = std::min(first + kRows, sparse.rows.size());
    LineLists lists;
    for (size_t r = first; r < end; ++r) {
      lists.begin(sparse.sequences[r]);
      const auto picked = sparse.positions.rows(static_cast<int64_t>(r), 1).data<int>();
      lists.lines.insert(lists.lines.end(), picked.begin(), picked.end());
      lists.end();
    }
    const auto gather = [&](const Tensor& fresh, int plane) {  // [N, 1, width]
      const Tensor pages = b.cache != nullptr ? lines_of(b.cache->pages(layer, plane, 1)) : Tensor();
      return reshape(gather_lines(lists, pages, reshape(fresh, {fresh.dim(0), -1}), b.starts, b),
                     {lists.starts.back(), 1, -1});
    };
    const Tensor lines = gather(c, 0), lines_pe = gather(k_pe, 1);
    const std::vector<int> rows(sparse.rows.begin() + static_cast<std::ptrdiff_t>(first),
                                sparse.rows.begin() + static_cast<std::ptrdiff_t>(end));
    const Tensor query = concat(w_uk(take_rows(q_nope, rows)), take_rows(q_pe, rows));       // [R, H, 512 + rope]
    put_rows(o, rows, w_uv(attend_lists(query, {lines, lines_pe}, lines, lists, scale())));  // [R, H, v]
  }
}

std::vector<CachePlane> MLA::cache_planes() const {
  std::vector<CachePlane> planes = {{"c_kv", kv_lora_rank}, {"k_pe", qk_rope_head_dim}};
  if (indexer) planes.push_back({"k_index", indexer->head_dim});
  return planes;
}

}  // namespace dure

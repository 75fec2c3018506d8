#include "nn/mla.h"

#include <algorithm>
#include <cmath>

#include "nn/cells.h"
#include "ops/attention.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kIndexPlane = 2;

/// Pages [blocks, block_size, 1, width] as cache_read() takes them.
Tensor lines_of(const Tensor& pages) { return pages.alias({pages.dim(0), pages.dim(1), pages.dim(3)}); }

/// The lines of a plane at `picked` [R, K] positions of R sequences: [R * K, 1, width]. Without a cache they are rows
/// of `fresh` [T, 1, width].
Tensor gather(const Tensor& fresh, std::span<const int> picked, std::span<const int> sequences, const Batch& b,
              int layer, int plane) {
  const size_t R = sequences.size(), K = picked.size() / R;
  if (b.cache == nullptr) {
    std::vector<int> rows(picked.begin(), picked.end());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] += b.starts[static_cast<size_t>(sequences[i / K])];
    return take_rows(fresh, std::move(rows));
  }
  const auto pages = static_cast<size_t>(b.block_table.dim(1));
  std::vector<int> table, starts = {0};
  for (const int s : sequences) {
    const auto row = b.block_table.data<int>().subspan(static_cast<size_t>(s) * pages, pages);
    table.insert(table.end(), row.begin(), row.end());
    starts.push_back(starts.back() + static_cast<int>(K));
  }
  const Tensor tables =
      Tensor::from(fresh.device(), table).alias({static_cast<int64_t>(R), static_cast<int64_t>(pages)});  // [R, pages]
  const Tensor lines = cache_read(lines_of(b.cache->pages(layer, plane, 1)), tables, {starts, picked});
  return reshape(lines, {lines.dim(0), 1, -1});
}

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
  const int K = indexer->topk;
  for (size_t first = 0; first < sparse.rows.size(); first += kRows) {
    const size_t R = std::min(kRows, sparse.rows.size() - first);
    const std::vector<int> rows(sparse.rows.begin() + first, sparse.rows.begin() + first + R);
    const std::span<const int> sequences(sparse.sequences.data() + first, R);
    const auto picked = sparse.positions.data<int>().subspan(first * K, R * K);

    const Tensor lines_c = gather(c, picked, sequences, b, layer, 0),
                 lines_pe = gather(k_pe, picked, sequences, b, layer, 1);
    std::vector<int> starts(R + 1), line_starts(R);
    for (size_t r = 0; r < R; ++r) {
      starts[r + 1] = static_cast<int>(r) + 1;
      line_starts[r] = static_cast<int>(r) * K;
    }
    const Tensor query = concat(w_uk(take_rows(q_nope, rows)), take_rows(q_pe, rows));  // [R, H, 512 + rope]
    const std::vector<int> last(R, K - 1);
    const Tensor latent = attention_lines(query, {lines_c, lines_pe}, lines_c, line_starts, {starts, last}, scale());
    put_rows(o, rows, w_uv(latent));  // [R, H, v]
  }
}

std::vector<CachePlane> MLA::cache_planes() const {
  std::vector<CachePlane> planes = {{"c_kv", kv_lora_rank}, {"k_pe", qk_rope_head_dim}};
  if (indexer) planes.push_back({"k_index", indexer->head_dim});
  return planes;
}

}  // namespace dure

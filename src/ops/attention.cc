#include "ops/attention.h"

#include "base/error.h"
#include "ops/tape.h"
#include "ops/view.h"

namespace dure {
namespace {

KvSource source(const std::array<Tensor, 2>& key, const Tensor& value) {
  return {{key[0].view(), key[1].defined() ? key[1].view() : View()}, value.view(), {}, 0};
}

void check(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const Ragged& rows) {
  int64_t width = 0;
  for (const Tensor& part : {key[0], key[1], value}) {
    if (!part.defined()) continue;
    require(q.dim(1) % part.dim(-2) == 0, "attention: {} query heads over {} key heads", q.dim(1), part.dim(-2));
    if (!part.same(value)) width += part.dim(-1);
  }
  if (value.same(key[0])) width += value.dim(-1);
  require(width == q.dim(2), "attention: queries have {} channels, keys {}", q.dim(2), width);
  require(rows.starts.back() == q.dim(0), "attention: {} rows, sequences end at {}", q.dim(0), rows.starts.back());
}

}  // namespace

Tensor attention(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const Ragged& rows,
                 float scale) {
  check(q, key, value, rows);
  for (const Tensor& part : {key[0], key[1], value})
    if (part.defined())
      require(part.dim(0) == q.dim(0), "attention: {} rows of queries, {} of keys or values", q.dim(0), part.dim(0));
  Backend& backend = q.device().backend();

  Tensor o = Tensor::empty(q.device(), DType::F32, {q.dim(0), q.dim(1), value.dim(-1)});  // [T, H, Dv]
  backend.attention(o.view(), {}, q.view(), source(key, value), rows, scale);

  const bool two = key[1].defined();
  std::vector<Tensor> inputs = {q, key[0], value};
  if (two) inputs.push_back(key[1]);
  if (!any_requires_grad(inputs)) return o;
  const std::vector<int> starts(rows.starts.begin(), rows.starts.end());
  const std::vector<int> positions(rows.positions.begin(), rows.positions.end());
  return record(o, std::move(inputs), [=, &backend](const Tensor& dout) {
    // Laid out like the inputs, since the backend finds a gradient's line where it found the key's.
    const std::array<Tensor, 2> k = {contiguous(key[0]), two ? contiguous(key[1]) : Tensor()};
    const Tensor v = contiguous(value);
    const auto zeros = [](const Tensor& t) { return Tensor::zeros(t.device(), DType::F32, t.shape()); };
    Tensor dq = Tensor::empty(q.device(), DType::F32, q.shape());  // [T, H, Dk]
    Tensor dk0 = zeros(k[0]), dk1 = two ? zeros(k[1]) : Tensor();  // [T, Hk, width]
    Tensor dv = zeros(v);                                          // [T, Hv, Dv]
    backend.attention_backward(dq.view(), {dk0.view(), two ? dk1.view() : View()}, dv.view(), dout.view(), q.view(),
                               source(k, v), Ragged{starts, positions}, scale);
    Gradients g = {dq, dk0, dv};
    if (two) g.push_back(dk1);
    return g;
  });
}

namespace {

Tensor attend_source(const Tensor& q, const KvSource& kv, const Ragged& rows, float scale, Tensor* lse) {
  Tensor o = Tensor::empty(q.device(), DType::F32, {q.dim(0), q.dim(1), kv.value.columns()});  // [T, H, Dv]
  if (lse != nullptr) *lse = Tensor::empty(q.device(), DType::F32, {q.dim(0), q.dim(1)});      // [T, H]
  q.device().backend().attention(o.view(), lse != nullptr ? lse->view() : View(), q.view(), kv, rows, scale);
  return o;
}

}  // namespace

Tensor attention_paged(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value,
                       const Tensor& block_table, const Ragged& rows, float scale, Tensor* lse) {
  record_nothing("attention_paged", {q, key[0], key[1], value});
  check(q, key, value, rows);
  require(block_table.dim(0) == rows.sequences(), "attention: {} sequences, block table {}", rows.sequences(),
          block_table.shape());
  KvSource kv = source(key, value);
  kv.block_table = block_table.view();
  kv.block_size = static_cast<int>(value.dim(1));
  return attend_source(q, kv, rows, scale, lse);
}

Tensor attention_lines(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value,
                       std::span<const int> line_starts, const Ragged& rows, float scale, Tensor* lse) {
  record_nothing("attention_lines", {q, key[0], key[1], value});
  check(q, key, value, rows);
  require(static_cast<int>(line_starts.size()) == rows.sequences(), "attention: {} sequences, lines of {}",
          rows.sequences(), line_starts.size());
  KvSource kv = source(key, value);
  kv.starts = line_starts;
  return attend_source(q, kv, rows, scale, lse);
}

void merge_attention(const Tensor& o, const Tensor& lse, const Tensor& other, const Tensor& other_lse) {
  record_nothing("merge_attention", {o, other});
  require(o.shape() == other.shape() && lse.shape() == other_lse.shape(), "merge_attention: {} and {}", o.shape(),
          other.shape());
  o.device().backend().merge_attention(o.view(), lse.view(), other.view(), other_lse.view());
}

void cache_append(const Tensor& pages, const Tensor& x, const Tensor& block_table, const Ragged& rows) {
  record_nothing("cache_append", {pages, x});
  require(pages.dim(2) == x.dim(-1), "cache_append: rows of {} channels, pages {}", x.dim(-1), pages.shape());
  x.device().backend().cache_append(pages.view(), x.view(), block_table.view(), rows);
}

Tensor cache_read(const Tensor& pages, const Tensor& block_table, const Ragged& rows) {
  Tensor x = Tensor::empty(pages.device(), DType::F32,
                           {static_cast<int64_t>(rows.positions.size()), pages.dim(2)});  // [T, width]
  pages.device().backend().cache_read(x.view(), pages.view(), block_table.view(), rows);
  return x;
}

}  // namespace dure

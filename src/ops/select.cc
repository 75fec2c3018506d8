#include "ops/select.h"

#include "base/error.h"
#include "ops/tape.h"
#include "ops/view.h"

namespace dure {
namespace {

Tensor select(const Tensor& q, const Tensor& weights, const Tensor& keys, const KvSource& kv, const Ragged& rows,
              int64_t count) {
  record_nothing("select_positions", {q, weights, keys});
  require(weights.shape() == Shape{q.dim(0), q.dim(1)}, "select_positions: queries {}, weights {}", q.shape(),
          weights.shape());
  require(keys.dim(-2) == 1 && keys.dim(-1) == q.dim(2), "select_positions: queries {}, keys {}", q.shape(),
          keys.shape());
  require(rows.starts.back() == q.dim(0), "select_positions: {} rows, sequences end at {}", q.dim(0),
          rows.starts.back());
  Tensor ids = Tensor::empty(q.device(), DType::I32, {q.dim(0), count});  // [T, count]
  q.device().backend().select_positions(ids.view(), contiguous(q).view(), weights.view(), kv, rows);
  return ids;
}

}  // namespace

Tensor select_paged(const Tensor& q, const Tensor& weights, const Tensor& keys, const Tensor& block_table,
                    const Ragged& rows, int64_t count) {
  require(block_table.dim(0) == rows.sequences(), "select_positions: {} sequences, block table {}", rows.sequences(),
          block_table.shape());
  KvSource kv{{keys.view(), {}}, {}, block_table.view(), static_cast<int>(keys.dim(1))};
  return select(q, weights, keys, kv, rows, count);
}

Tensor select_lines(const Tensor& q, const Tensor& weights, const Tensor& keys, std::span<const int> line_starts,
                    const Ragged& rows, int64_t count) {
  require(static_cast<int>(line_starts.size()) == rows.sequences(), "select_positions: {} sequences, lines of {}",
          rows.sequences(), line_starts.size());
  KvSource kv{{keys.view(), {}}, {}, {}, 0};
  kv.starts = line_starts;
  return select(q, weights, keys, kv, rows, count);
}

}  // namespace dure

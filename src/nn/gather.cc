#include "nn/gather.h"

#include "ops/attention.h"
#include "ops/view.h"

namespace dure {

Tensor gather_lines(const LineLists& lists, const Tensor& pages, const Tensor& fresh, std::span<const int> first,
                    const Batch& b) {
  if (b.cache == nullptr) {
    std::vector<int> rows = lists.lines;
    for (int r = 0; r < lists.size(); ++r)
      for (int i = lists.starts[static_cast<size_t>(r)]; i < lists.starts[static_cast<size_t>(r) + 1]; ++i)
        rows[static_cast<size_t>(i)] += first[static_cast<size_t>(lists.sequences[static_cast<size_t>(r)])];
    return take_rows(fresh, std::move(rows));
  }
  const auto columns = static_cast<size_t>(b.block_table.dim(1));
  std::vector<int> table;
  for (const int s : lists.sequences) {
    const auto row = b.block_table.data<int>().subspan(static_cast<size_t>(s) * columns, columns);
    table.insert(table.end(), row.begin(), row.end());
  }
  const Tensor tables = Tensor::from(pages.device(), table).alias({lists.size(), static_cast<int64_t>(columns)});
  return cache_read(pages, tables, {lists.starts, lists.lines});
}

Tensor attend_lists(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const LineLists& lists,
                    float scale, Tensor* lse) {
  std::vector<int> rows = {0}, last;
  for (int r = 0; r < lists.size(); ++r) {
    rows.push_back(r + 1);
    last.push_back(lists.length(r) - 1);
  }
  const std::span<const int> first(lists.starts.data(), lists.sequences.size());
  return attention_lines(q, key, value, first, {rows, last}, scale, lse);
}

}  // namespace dure

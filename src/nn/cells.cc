#include "nn/cells.h"

#include <algorithm>

namespace dure {

Cells::Cells(const Batch& b, int end) : starts{0}, line_starts{0} {
  const auto pages = static_cast<size_t>(b.block_table.dim(1));
  std::vector<int> table;
  for (size_t s = 0; s + 1 < b.starts.size(); ++s)
    for (int t = b.starts[s]; t < b.starts[s + 1]; ++t) {
      const int position = b.positions[static_cast<size_t>(t)], cell = position / kSize * kSize;
      in_cell.push_back(position < end ? position - cell : -1);
      before_cell.push_back(position < end ? cell - 1 : -1);
      first_only = first_only && before_cell.back() < 0;
      if (t + 1 < b.starts[s + 1] && b.positions[static_cast<size_t>(t) + 1] < cell + kSize) continue;
      starts.push_back(t + 1);
      for (int p = cell; p <= std::min(position, end - 1); ++p) line_positions.push_back(p);
      line_starts.push_back(static_cast<int>(line_positions.size()));
      const auto row = b.block_table.data<int>().subspan(s * pages, pages);
      table.insert(table.end(), row.begin(), row.end());
    }
  block_table = Tensor::from(b.block_table.device(), table)
                    .alias({static_cast<int64_t>(starts.size()) - 1, static_cast<int64_t>(pages)});
}

}  // namespace dure

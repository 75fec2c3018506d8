#include "ops/pool.h"

#include "backend/backend.h"
#include "base/error.h"
#include "ops/tape.h"

namespace dure {

Tensor softmax_pool(const Tensor& lines, std::span<const int> starts) {
  record_nothing("softmax_pool", {lines});
  require(lines.dim(1) % 2 == 0 && !starts.empty() && starts.back() == lines.dim(0),
          "softmax_pool: lines {}, lists end at {}", lines.shape(), starts.empty() ? 0 : starts.back());
  Tensor y = Tensor::empty(lines.device(), DType::F32, {static_cast<int64_t>(starts.size()) - 1, lines.dim(1) / 2});
  lines.device().backend().softmax_pool(y.view(), lines.view(), starts);  // [N, W]
  return y;
}

}  // namespace dure

#pragma once

#include <span>

#include "tensor/tensor.h"

namespace dure {

/// Lines pooled into one each for every list, channel by channel (DeepSeek-V4's compressor):
///
///     y[n, c] = sum_l softmax_l(lines[l, W + c]) lines[l, c],   l from starts[n] up to starts[n + 1]
///
/// lines [L, 2 W] f32: values, then gates; starts N + 1 integers -> [N, W]. No gradient.
Tensor softmax_pool(const Tensor& lines, std::span<const int> starts);

}  // namespace dure

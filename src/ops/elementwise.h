#pragma once

#include <limits>

#include "tensor/tensor.h"

namespace dure {

/// a + b; b has a's shape, or is one row [D] added to every row (a bias).
Tensor add(const Tensor& a, const Tensor& b);

/// x * factor.
Tensor scale(const Tensor& x, float factor);

/// silu(gate) * up with silu(g) = g / (1 + e^-g) (Shazeer, 2020). gate, up, result [..., I].
/// DeepSeek-V4 limits what goes in: gate to at most `limit`, up to -limit and limit.
Tensor swiglu(const Tensor& gate, const Tensor& up, float limit = std::numeric_limits<float>::infinity());

}  // namespace dure

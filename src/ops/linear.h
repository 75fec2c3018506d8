#pragma once

#include "backend/backend.h"

namespace dure {

/// y = x W^T: the product with a weight of any dtype.
///
/// x       [..., K]  f32
/// w       [N, K]    as Backend::prepare made it
/// returns [..., N]
/// Throws Error if x does not have K channels. Gradients flow to x, and to w.data if it is float32.
Tensor linear(const Tensor& x, const Weight& w);

/// The same for each head with its own rows of W (see HeadRows), in either direction: MLA's kv_b_proj.
///
/// forward    x [T, H, K]      -> [T, H, count]
/// transpose  x [T, H, count]  -> [T, H, K]
Tensor linear_heads(const Tensor& x, const Weight& w, HeadRows rows, Direction direction);

/// Rows of a table: ids [T] I32, table [V, D] -> [T, D]. Throws Error for an id outside the table.
Tensor embedding(const Tensor& ids, const Weight& table);

}  // namespace dure

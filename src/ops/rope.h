#pragma once

#include <span>

#include "backend/backend.h"

namespace dure {

/// Rotary position embedding (Su et al., 2021): turns channel pair i of row t by positions[t] * frequencies[i] radians
/// and multiplies by `magnitude` (YaRN's attention factor; 1 otherwise).
///
/// x            [T, H, R]  f32
/// positions    T integers
/// frequencies  [R / 2]    f32, radians per position
/// returns      [T, H, R]
Tensor rope(const Tensor& x, std::span<const int> positions, const Tensor& frequencies, float magnitude,
            RopeStyle style);

}  // namespace dure

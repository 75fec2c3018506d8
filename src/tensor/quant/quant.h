#pragma once

#include <cstdint>

namespace dure {

// Quantised blocks to float32 and back, the scalar definition that kernels are checked against. Defined for each struct
// of *_block.h; docs/formats/quantisation-blocks.md is the specification. Reached through the table in tensor/dtype.h.

/// The exact values of n elements, computed in float32 as (d * scale) * code - (dmin * min), in this order.
/// REQUIRES: n is a multiple of the block's elements; blocks are 2-byte aligned, where they hold 2-byte numbers.
template <class Block>
void dequantise(const void* blocks, float* values, int64_t n);

/// Encodes a row of n elements so that the squared error is small (docs/quantisation.md): a search for each group's
/// scale, then for a super-block's factors, then every element is rounded to the nearest code under the scale as
/// stored. `importance`, n weights of the columns or null, weighs the squares. Finite input gives finite output.
/// REQUIRES: n as above; importance is finite and not negative.
template <class Block>
void quantise(const float* row, const float* importance, void* blocks, int64_t n);

}  // namespace dure

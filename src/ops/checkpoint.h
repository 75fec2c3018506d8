#pragma once

#include <functional>

#include "tensor/tensor.h"

namespace dure {

/// A part of a forward pass, [...] -> [...]: a decoder layer, say.
using Block = std::function<Tensor(const Tensor& x)>;

/// block(x) without its activations: they are freed at once, and made again when the backward pass gets here (Chen et
/// al., "Training deep nets with sublinear memory cost", 2016). Costs one more forward pass of the block; a stack of
/// checkpointed layers keeps one tensor a layer.
///
/// Gradients flow to x and to the leaves inside the block, its parameters. They have the bits of block(x) itself, but
/// for a tensor that is used several times inside and also elsewhere: what is used inside is summed first. REQUIRES:
/// the block computes the same again: it reads nothing that changes before the backward pass, writes nothing.
Tensor checkpoint(Block block, const Tensor& x);

}  // namespace dure

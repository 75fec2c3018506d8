#pragma once

#include <memory>

#include "toolbox/shape_source.h"

namespace dure {

/// Random weights of the true shapes and dtypes, in memory: what a benchmark needs of a model. Matrices are cut from
/// one list of normal values for each dtype, at a place of its own for each row; norms are ones, biases zeros. MTP
/// layers are left out. `device` outlives it. Throws Error if the weights do not fit the free memory.
std::unique_ptr<Checkpoint> make_synthetic(const ShapeSource& source, const StoredModel& model, Device& device);

}  // namespace dure

#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "toolbox/shape_source.h"

namespace dure {

/// Random weights of the true shapes and dtypes, in memory: what a benchmark needs of a model. Matrices and vectors are
/// those of RandomModel. MTP layers are left out. `device` outlives it. Throws Error if the weights do not fit the free
/// memory.
std::unique_ptr<Checkpoint> make_synthetic(const ShapeSource& source, const StoredModel& model, Device& device);

/// The like as a GGUF file of some type, for other programs to run too: with the metadata that they need, and a
/// tokenizer of single bytes and made-up words. Nothing but the rows that are being written is in memory. An
/// interrupted file is gone on with. Throws Error if GGUF cannot express the model or the file cannot be written.
void write_synthetic(const ShapeSource& source, const QuantType& type, Device& device,
                     const std::filesystem::path& file,
                     const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace dure

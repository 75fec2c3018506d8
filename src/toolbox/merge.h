#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "models/model.h"

namespace dure {

/// Writes the Hugging Face folder of a model whose weights have the adapters in them: W + sum of scale * B A, rounded
/// once to the dtype that W has (BF16 where that is FP8). The other tensors and files are copied, but for weights in
/// other formats; config.json loses its quantization_config. Memory holds a few rows of one matrix, however large the
/// model is.
///
/// With tied embeddings an adapter of lm_head unties them: the head gets a tensor of its own.
/// `folder` appears whole or not at all, and must not exist, or be empty. `progress` is told the bytes written and in
/// all; it returns false to stop, and then merge_model does. Throws Error if the model is not such a folder, if an
/// adapter does not fit, or if something cannot be written.
bool merge_model(const std::filesystem::path& model, const std::vector<AdapterChoice>& adapters,
                 const std::filesystem::path& folder, Device& device,
                 const std::function<bool(int64_t done, int64_t total)>& progress);

}  // namespace dure

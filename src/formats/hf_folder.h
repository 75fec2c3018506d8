#pragma once

#include "formats/checkpoint.h"

namespace dure {

/// A model folder in Hugging Face layout: config.json, generation_config.json if there is one, and the weights, which
/// are
/// - the shards that model.safetensors.index.json names, or
/// - model.safetensors, or
/// - every *.safetensors of the folder.
/// A matrix `X.weight` of F8_E4M3 comes with `X.weight_scale_inv` as its scale.
/// Throws Error if one of them is missing or damaged, or if the index does not agree with the shards.
std::unique_ptr<Checkpoint> open_hf_folder(const std::filesystem::path& folder, Device& device);

}  // namespace dure

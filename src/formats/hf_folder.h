#pragma once

#include "formats/checkpoint.h"

namespace dure {

/// A model folder in Hugging Face layout: config.json, generation_config.json if there is one, and the weights, which
/// are
/// - the shards that model.safetensors.index.json names, or
/// - model.safetensors, or
/// - every *.safetensors of the folder.
/// A matrix `X.weight` of F8_E4M3 comes with `X.weight_scale_inv` or `X.scale` as its scale, F32 or F8_E8M0. One of I8
/// with an `X.scale` of F8_E8M0 is MXFP4.
/// Throws Error if one of them is missing or damaged, or if the index does not agree with the shards.
std::unique_ptr<Checkpoint> open_hf_folder(const std::filesystem::path& folder, Device& device);

}  // namespace dure

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// Where a GGUF file keeps the tensor of a Hugging Face name.
struct GgufPlace {
  std::string name;           ///< of the tensor in the file
  std::optional<int> expert;  ///< the tensor holds all experts of a layer; this one is meant
  int part = 0, parts = 1;  ///< the tensor holds several matrices of an expert, one above the other; this one is meant
};

/// Translates names such as `model.layers.3.self_attn.q_proj.weight` (Llama, Qwen2, Qwen3, Qwen3-MoE, DeepSeek-V2, V3).
/// Several places: the file has one of them. None: files have no such tensor.
std::vector<GgufPlace> gguf_places(std::string_view name);

}  // namespace dure

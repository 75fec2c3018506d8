#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "tensor/tensor.h"

namespace dure {

/// A model of karpathy/llama2.c in its first format, "version 0" (docs/formats/llama2c.md): a small Llama in float32.
struct Llama2c {
  int dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, max_seq_len;  ///< the header, in its order
  /// Under Hugging Face names, with the rows of q and k reordered for their rotary embedding.
  std::vector<std::pair<std::string, Tensor>> tensors;

  /// The same model as a config.json of model_type llama.
  Json config() const;
};

/// Throws Error if the sizes in the header are impossible or do not add up to the file's.
Llama2c open_llama2c(const std::filesystem::path& path, Device& device);
/// The same from memory; `owner` keeps the bytes alive and `source` names them in errors.
Llama2c parse_llama2c(std::span<const std::byte> bytes, const std::string& source, std::shared_ptr<const void> owner,
                      Device& device);

/// Writes config.json and model.safetensors into a folder that exists. Throws Error if that fails.
void write_hf_folder(const Llama2c& model, const std::filesystem::path& folder);

}  // namespace dure

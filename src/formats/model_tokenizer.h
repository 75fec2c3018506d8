#pragma once

#include <filesystem>

#include "base/tokenizer_spec.h"

namespace dure {

/// The tokenizer of a model: from a folder's tokenizer.json or from the metadata of a GGUF file.
/// Throws Error if there is none, or if it is damaged.
TokenizerSpec read_model_tokenizer(const std::filesystem::path& model);

}  // namespace dure

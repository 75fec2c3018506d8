#pragma once

#include <functional>
#include <string_view>

#include "base/json_fwd.h"
#include "formats/generation_config.h"
#include "formats/gguf.h"

namespace dure {

/// Looks a tensor up by its name in the file; null if there is none. A model in several files looks in all of them.
using FindTensor = std::function<const Gguf::TensorEntry*(std::string_view name)>;

/// The config.json of the model whose metadata `file` holds (docs/formats/gguf.md has the table of fields). For an
/// architecture that Dure does not know, model_type alone, so that whoever needs a model can say what this one is.
/// Throws Error naming the file and the key if one is missing or out of range.
Json gguf_config(const Gguf& file, const FindTensor& find);

/// The token ids that begin and end a text, and the sampling that the publishers recommend.
GenerationConfig gguf_generation_config(const Gguf& file);

}  // namespace dure

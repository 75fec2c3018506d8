#pragma once

#include <filesystem>

#include "models/model.h"
#include "models/model_shape.h"

namespace dure {

/// Writes a new adapter as PEFT starts one: A uniform within 1 / sqrt(in), B zero, so that it adds nothing yet.
/// `config` has the fields of adapter_config.json (docs/formats/peft.md) and says which layers of the model get
/// matrices; routers get some only where target_modules names them, layers of multi-token prediction none. Load it with
/// AdapterChoice::trainable. Throws Error if the config is refused, names no layer of the model, or the folder cannot
/// be written.
void write_new_adapter(const std::filesystem::path& folder, const Json& config, const ModelShape& shape, uint64_t seed);

/// Writes an adapter that was loaded as trainable, as it is now: those of the model's parameters that belong to
/// adapters, of which there must be one. What is in the folder under the same names is replaced, each file as a whole.
void save_adapter(const std::filesystem::path& folder, const Json& config, const Parameters& parameters);

}  // namespace dure

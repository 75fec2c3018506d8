#pragma once

#include <string>

#include "base/json.h"
#include "toolbox/stored_model.h"

namespace dure {

/// A model of which nothing but the config need be there.
struct ShapeSource {
  std::string name;
  Json config;
  ModelShape shape;
  StoredModel own;  ///< as it is stored, or was released
};

/// What `model` names: a model folder, a GGUF file, a config.json (or a folder with nothing else), or one of
/// shape_names(). Throws Error if it is nothing of the kind, listing the names.
ShapeSource open_shape(const std::string& model);

}  // namespace dure

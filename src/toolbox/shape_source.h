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
/// `layers`, unless 0: only the first ones of them, each as it is: what a machine can hold of a model that it cannot
/// hold; then it must be a config or a name.
ShapeSource open_shape(const std::string& model, int layers = 0);

}  // namespace dure

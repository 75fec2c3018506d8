#include "toolbox/shape_source.h"

#include <algorithm>
#include <filesystem>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "toolbox/shapes.h"

namespace dure {

namespace fs = std::filesystem;

namespace {

/// The first layers of a model, without those for drafting.
void cut(Json& config, int layers, const std::string& source) {
  const int depth = Fields(config, source).integer("num_hidden_layers", 1, 1 << 16);
  require(layers <= depth, "{}: has {} layers, not {}", source, depth, layers);
  config["num_hidden_layers"] = layers;
  config.erase("num_nextn_predict_layers");
  for (const char* field : {"first_k_dense_replace", "num_hash_layers", "max_window_layers"})
    if (config.contains(field) && config[field].is_number_integer())
      config[field] = std::min(config[field].get<int>(), layers);
}

}  // namespace

ShapeSource open_shape(const std::string& model, int layers) {
  ShapeSource source{model, {}, {}, {}};
  std::error_code ignored;
  const bool folder = fs::is_directory(model, ignored);
  const fs::path config = folder ? fs::path(model) / "config.json" : fs::path(model);
  const auto has_weights = [&] {
    for (const auto& file : fs::directory_iterator(model, ignored))
      if (file.path().extension() == ".safetensors") return true;
    return false;
  };
  if (fs::exists(model, ignored) && (config.extension() != ".json" || (folder && has_weights()))) {
    require(layers == 0, "{}: has weights of all its layers; --layers takes some of a shape", model);
    const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, *device);
    source.config = checkpoint->config();
    source.shape = model_shape(source.config, checkpoint->source());
    source.own = as_stored(source.shape, *checkpoint);
    return source;
  }
  source.config = fs::exists(model, ignored) ? parse_json(read_file(config), config.string()) : shape_config(model);
  if (layers > 0) {
    cut(source.config, layers, config.string());
    source.name += fmt::format(", {} layers", layers);
  }
  source.shape = model_shape(source.config, config.string());
  source.own = as_released(source.shape, source.config);
  return source;
}

}  // namespace dure

#include "toolbox/shape_source.h"

#include <filesystem>

#include "backend/registry.h"
#include "base/file.h"
#include "toolbox/shapes.h"

namespace dure {

namespace fs = std::filesystem;

ShapeSource open_shape(const std::string& model) {
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
    const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, *device);
    source.config = checkpoint->config();
    source.shape = model_shape(source.config, checkpoint->source());
    source.own = as_stored(source.shape, *checkpoint);
    return source;
  }
  source.config = fs::exists(model, ignored) ? parse_json(read_file(config), config.string()) : shape_config(model);
  source.shape = model_shape(source.config, config.string());
  source.own = as_released(source.shape, source.config);
  return source;
}

}  // namespace dure

#include "cli/default_model.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

/// A folder in Hugging Face layout, or a GGUF file in it.
std::optional<fs::path> model_inside(const fs::path& folder) {
  std::error_code none;
  if (fs::exists(folder / "config.json", none)) return folder;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, none))
    if (entry.path().extension() == ".gguf") return entry.path();
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> default_model() {
  std::error_code none;
  fs::path folder = fs::read_symlink("/proc/self/exe", none).parent_path();
  for (int levels = 0; levels < 3 && !folder.empty(); ++levels, folder = folder.parent_path())
    if (auto model = model_inside(folder / "models/dure-mini")) return model;
  return std::nullopt;
}

}  // namespace dure

#include "formats/checkpoint.h"

#include "base/error.h"
#include "formats/gguf_checkpoint.h"
#include "formats/hf_folder.h"

namespace dure {

StoredTensor Checkpoint::get(const std::string& name, const Shape&) const {
  std::optional<StoredTensor> found = find(name);
  require(found.has_value(), "{}: the model has no tensor '{}'", source(), name);
  return *std::move(found);
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& model, Device& device) {
  std::error_code ignored;
  require(std::filesystem::exists(model, ignored), "{}: no such file or folder", model.string());
  if (std::filesystem::is_directory(model, ignored)) return open_hf_folder(model, device);
  return open_gguf_checkpoint(model, device);
}

}  // namespace dure

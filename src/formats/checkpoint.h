#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "formats/generation_config.h"
#include "tensor/tensor.h"

namespace dure {

/// A tensor as it is stored.
struct StoredTensor {
  Tensor data;
  Tensor scale;  ///< of an F8_E4M3 matrix [N, K]: F32 [ceil(N/128), ceil(K/128)], one factor a tile; else undefined
};

/// What a listing shows of a tensor. The dtype is a name because files hold types that no model here asks for.
struct TensorInfo {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  int64_t bytes = 0;
};

/// A stored model: a configuration and named tensors. Names and fields are those of Hugging Face whatever the file
/// format is, so that a model knows one vocabulary only.
///
/// Tensors lie in the mapped file and keep it mapped; they are not copied (but for the odd one whose address does not
/// suit its type). Reading is safe from several threads at once.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  /// The fields of config.json; a GGUF file's metadata are put into the same fields. model_type says which model it is.
  virtual const Json& config() const = 0;
  /// Where config() comes from, for messages: "DIR/config.json" or "x.gguf".
  virtual std::string source() const = 0;
  virtual const GenerationConfig& generation() const = 0;

  /// The tensor of that Hugging Face name; nothing if the checkpoint has none.
  /// Throws Error if it is stored in a form that cannot be used.
  virtual std::optional<StoredTensor> find(const std::string& name) const = 0;
  /// Everything that is stored, under the names of the file itself.
  virtual std::vector<TensorInfo> tensors() const = 0;

  /// The tensor will be read soon, or not again for long: hints about the pages of a file, for programs that read a
  /// model larger than memory once.
  virtual void prefetch(const std::string&) const {}
  virtual void release(const std::string&) const {}

  /// find(), or an Error that names the tensor and the checkpoint. `asked` is the shape that a model expects: of no
  /// interest to files, which know their own, but to checkpoints that make what they are asked for.
  virtual StoredTensor get(const std::string& name, const Shape& asked = {}) const;
};

/// Opens a model: a folder in Hugging Face layout (config.json beside *.safetensors) or a GGUF file, told apart by what
/// is there, not by the name. `device` outlives the tensors.
/// Throws Error if there is neither, or if a file is damaged.
std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& model, Device& device);

}  // namespace dure

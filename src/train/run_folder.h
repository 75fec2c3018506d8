#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "base/json_fwd.h"
#include "train/optimizer.h"

namespace dure {

class Model;
class Device;

/// The folder of a training run: "step-00000100" and so on, each a model in Hugging Face layout that any program can
/// load, in bfloat16, with what training goes on from beside it:
///
///     step-00000100/config.json  model.safetensors  tokenizer.json ...
///                   trainer/config.json  model.safetensors      the parameters in float32
///                           optimizer.safetensors  state.json   moments; counters and the place in the data
///
/// A run that trains an adapter has adapter_config.json and adapter_model.safetensors, in float32, instead of models.
/// A step's folder appears whole, or not at all: whatever ends the program, the last one is good.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path step(int64_t number) const;
  /// The last checkpoint, if there is one.
  std::optional<int64_t> latest() const;

  /// Calls write(folder) on a new folder that then takes its name, and removes the oldest but `keep`. What goes wrong
  /// leaves the others as they were. Throws Error.
  void add(int64_t number, int keep, const std::function<void(const std::filesystem::path& folder)>& write) const;

 private:
  std::vector<int64_t> steps() const;  // ascending

  std::filesystem::path path_;
};

/// The model that is meant by a path: what is there, or the last checkpoint if it is the folder of a run.
/// Throws Error if there is none.
std::filesystem::path model_in(const std::filesystem::path& path);

/// What a checkpoint holds beside parameters and optimizer.
struct TrainerState {
  int64_t step = 0, tokens = 0;
  std::shared_ptr<const Json> data;  ///< TokenSource::state()
};

/// Writes a model, as it is exported and as training goes on from it. `tokenizer`: where a tokenizer's files lie, or
/// empty.
void write_model(const std::filesystem::path& folder, const Json& config, const Model& model,
                 const std::filesystem::path& tokenizer);
void write_trainer_state(const std::filesystem::path& folder, const NamedTensors& optimizer, const TrainerState& state);
/// Reads state and optimizer back, the latter into the tensors given. Throws Error if they are not those that were
/// written.
TrainerState read_trainer_state(const std::filesystem::path& folder, const NamedTensors& optimizer, Device& device);

}  // namespace dure

#pragma once

#include <memory>
#include <string>

#include "formats/checkpoint.h"

namespace dure {

struct InitOptions {
  uint64_t seed = 1;
  double std = 0.02;          ///< of normally distributed matrices
  bool zero_outputs = false;  ///< o_proj and down_proj are 0, so that a new layer adds nothing to the residual stream
};

/// A model nobody has trained, as a checkpoint to load: float32 values, normal in matrices, 1 in norms, 0 in biases.
/// Each is a function of the seed and of the tensor's name alone. An MTP layer shares the model's embedding and head.
/// `config` has the fields of config.json, `source` names it in errors; `device` outlives the checkpoint. Throws Error
/// if the config is refused, or the model would take more memory than there is.
std::unique_ptr<Checkpoint> make_new_model(const Json& config, const std::string& source, const InitOptions& options,
                                           Device& device);

}  // namespace dure

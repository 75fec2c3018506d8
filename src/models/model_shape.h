#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "models/model.h"

namespace dure {

/// Which part of a model a parameter belongs to.
enum class Part : uint8_t { embedding, attention, feed_forward, router, expert, shared_expert, norm, head, mtp };

/// A tensor that a model of some config has, by the name of Hugging Face checkpoints.
struct ParameterShape {
  std::string name;
  Shape shape;  ///< [N, K] of a matrix, [N] of a norm or bias
  Part part;
};

/// All that can be known of a model before there are weights.
struct ModelShape {
  ModelInfo info;
  std::vector<ParameterShape> parameters;
  std::vector<std::vector<CachePlane>> cache_planes;  ///< as Model::cache_planes()
  double expert_share = 1;  ///< of the routed experts that one token uses: top_k / number of experts

  bool tied() const;  ///< the embedding is the output head too
};

/// Runs the constructor that load_model() would run, on a checkpoint that has no data. `source` names the config in
/// errors. The config decides where checkpoints may differ: biases as the architecture's publishers have them, MTP
/// layers if num_nextn_predict_layers says so. Throws Error as load_model() does.
ModelShape model_shape(const Json& config, const std::string& source);

}  // namespace dure

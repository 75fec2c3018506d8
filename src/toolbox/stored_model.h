#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/model_shape.h"
#include "toolbox/quant_mix.h"

namespace dure {

/// A parameter in the dtype that it is stored in.
struct StoredParameter {
  ParameterShape parameter;
  DType dtype;
  double bytes;  ///< that it takes in the file, scale factors included
};

/// A model with a dtype for each parameter: what its weights take, and what a token has to read and multiply.
/// Everything that `dure plan` and `dure bench` say about bytes and operations comes from here.
struct StoredModel {
  std::string type;  ///< "q4_k_m"; "bf16, as released"
  ModelInfo info;
  std::vector<std::vector<CachePlane>> cache_planes;
  double expert_share = 1;
  bool tied = false;
  std::vector<StoredParameter> parameters;
  int64_t file_bytes = 0;  ///< of the whole file, or of the tensors if it is not a single one

  /// Bytes of weights by dtype that a batch of `rows` tokens reads once. Each row takes its own experts, so the more
  /// rows, the more of the experts are read: 1 - (1 - share)^rows, as if the router chose evenly. Of an embedding only
  /// the rows of the tokens, which is nothing, unless it is the output head too. MTP layers are not counted.
  std::map<DType, double> weight_bytes(double rows) const;
  double total_weight_bytes(double rows) const;
  /// Operations of the products with weights for one row, a multiply-add being two, without the head.
  double operations() const;
  /// Those of the head, which only sampled rows need.
  double head_operations() const;
  /// Those of attention for a row that attends `positions`.
  double attention_operations(double positions) const;
};

/// As the publishers have it, by the config alone: FP8 with its scales where quantization_config says so, else
/// torch_dtype (or dtype).
StoredModel as_released(const ModelShape& shape, const Json& config);

/// As a file here has it. Throws Error if a parameter is missing.
StoredModel as_stored(const ModelShape& shape, const Checkpoint& checkpoint);

/// As `dure quantize` would write it.
StoredModel as_quantised(const ModelShape& shape, const Json& config, const QuantType& type);

}  // namespace dure

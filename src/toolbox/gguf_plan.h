#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/gguf_metadata.h"
#include "models/model_shape.h"
#include "toolbox/quant_mix.h"

namespace dure {

/// The tensors that a GGUF file of a model would have, and which of them hold each parameter: from shapes alone.
class GgufPlan {
 public:
  struct Use {
    size_t tensor;
    double share;  ///< of the tensor
  };

  /// Throws Error for a model that GGUF cannot express.
  GgufPlan(const ModelShape& shape, const Fields& config);

  const GgufModel& model() const { return model_; }
  const std::vector<QuantTensor>& tensors() const { return tensors_; }
  /// Of each parameter, in the order of the shape.
  const std::vector<std::vector<Use>>& uses() const { return uses_; }
  /// Of each tensor, as `dure quantize` would choose them.
  std::vector<DType> types(const QuantType& type) const;

 private:
  std::vector<Use> place(const ParameterShape& p, const Fields& config);
  size_t tensor(const std::string& name, const Shape& shape);

  GgufModel model_;
  std::vector<QuantTensor> tensors_;
  std::map<std::string, size_t> index_;
  std::vector<std::vector<Use>> uses_;
};

}  // namespace dure

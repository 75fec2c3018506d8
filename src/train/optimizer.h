#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Turns gradients into changes of some of a model's parameters, which it keeps handles of.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update from the parameters' grad(). A parameter without one, because the loss did not use it, stays as it is.
  virtual void step(double learning_rate) = 0;
  /// All that it remembers between steps but their number, in memory that may be written: names are distinct, also
  /// among several optimizers of one model.
  virtual NamedTensors state() const = 0;

  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 protected:
  int64_t steps_ = 0;  ///< taken so far
};

}  // namespace dure

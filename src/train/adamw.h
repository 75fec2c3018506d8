#pragma once

#include "models/model.h"
#include "train/optimizer.h"

namespace dure {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95;  ///< decay of the mean gradient and of the mean squared gradient
  double eps = 1e-8;
  double weight_decay = 0.1;  ///< of every parameter; times the learning rate
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019, algorithm 2), in float32. For step i of learning rate
/// a, gradient g and parameter p:
///
///     m = beta1 m + (1 - beta1) g         v = beta2 v + (1 - beta2) g^2
///     p = p - a weight_decay p - a (m / (1 - beta1^i)) / (sqrt(v / (1 - beta2^i)) + eps)
///
/// Parameters are updated in place, so that the next forward pass uses them. REQUIRES: float32 parameters in host
/// memory, as LoadOptions::trainable makes them.
class AdamW : public Optimizer {
 public:
  /// Takes those of the parameters that require a gradient; their moments start at zero.
  explicit AdamW(const Parameters& parameters, const AdamWOptions& options = {});

  void step(double learning_rate) override;
  NamedTensors state() const override;  ///< NAME.m and NAME.v of each parameter
  /// Forgets all gradients, which otherwise add up over backward passes.
  void zero_grad();

 private:
  struct State {
    std::string name;
    Tensor parameter, m, v;  // of one shape
  };

  AdamWOptions options_;
  std::vector<State> states_;
};

}  // namespace dure

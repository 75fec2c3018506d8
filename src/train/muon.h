#pragma once

#include "models/model.h"
#include "train/optimizer.h"

namespace dure {

struct MuonOptions {
  double momentum = 0.95;
  bool nesterov = true;
  int newton_schulz_steps = 5;
  double update_rms = 0.2;  ///< root mean square of an update, over the learning rate: about what AdamW's is
  double weight_decay = 0.1;
};

/// Muon (Jordan et al., 2024; as Liu et al., "Muon is scalable for LLM training", 2025, have it): momentum whose
/// singular values are made equal, for matrices. With gradient G, learning rate a and a matrix W [N, K]:
///
///     M = momentum M + G,   U = G + momentum M (Nesterov) or M
///     W = W - a weight_decay W - a update_rms sqrt(max(N, K)) orthogonalise(U)
///
/// The last factor gives every update the same root mean square whatever the shape, so that one learning rate serves
/// this and AdamW. REQUIRES: float32 matrices in host memory.
class Muon : public Optimizer {
 public:
  /// Takes those of the parameters that require a gradient. Throws Error if one is not a float32 matrix.
  explicit Muon(const Parameters& parameters, const MuonOptions& options = {});

  void step(double learning_rate) override;
  NamedTensors state() const override;  ///< NAME.momentum of each parameter

 private:
  struct State {
    std::string name;
    Tensor parameter, momentum;  // [N, K]
  };

  MuonOptions options_;
  std::vector<State> states_;
};

/// About U V^T of x = U S V^T: `steps` of the Newton-Schulz iteration with the coefficients (3.4445, -4.7750, 2.0315),
/// which brings singular values near 1 fast and to nowhere exactly (0.7 to 1.2). x [N, K] -> [N, K].
Tensor orthogonalise(const Tensor& x, int steps);

}  // namespace dure

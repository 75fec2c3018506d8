#pragma once

#include <map>
#include <vector>

#include "models/model.h"

namespace dure {

/// How often each router chose each of its experts in a training step, and the biases that even this out (Wang et al.,
/// "Auxiliary-loss-free load balancing strategy for mixture-of-experts", 2024): after a step, the bias of an expert
/// with more rows than the mean falls by `speed`, that of one with fewer rises. A bias moves choices only.
class ExpertLoad {
 public:
  /// Keeps handles of the routers' biases, which may be none.
  explicit ExpertLoad(const Parameters& parameters);

  /// ids I32 [T, k]: what the router of a layer chose. As Trace shows it.
  void count(int layer, const Tensor& ids);
  /// Rows of the busiest expert over the mean, averaged over layers; 0 if nothing was counted.
  double max_over_mean() const;
  /// Moves the biases of the layers that were counted.
  void move_biases(double speed);
  void clear() { rows_.clear(); }

 private:
  std::map<int, Tensor> biases_;              // [E], by layer
  std::map<int, std::vector<int64_t>> rows_;  // of each expert, by layer
};

}  // namespace dure

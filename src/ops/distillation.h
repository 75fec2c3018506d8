#pragma once

#include "ops/checkpoint.h"

namespace dure {

/// What a teacher makes of the same rows.
struct Teacher {
  Block head;             ///< [rows, Dt] -> [rows, V]
  Tensor hidden;          ///< [T, Dt]
  float temperature = 1;  ///< by which the logits of both are divided, for this loss alone
  float share = 1;        ///< of the loss; the labels' is the rest
};

/// What the mean of a distillation loss is made of: sums over rows, each as often as it counts.
struct DistillationLoss {
  Tensor total;        ///< [1] (1 - share) labels + share * teacher; has a gradient
  double labels = 0;   ///< sum of -log p(label)
  double teacher = 0;  ///< sum of temperature^2 * KL(teacher || student), over the whole vocabulary
};

/// Knowledge distillation (arXiv 1503.02531) from a teacher's logits, by chunks (ops/chunked_loss.h): neither model's
/// logits are ever there for all rows.
///
/// head    [rows, D] -> [rows, V]
/// hidden  [T, D]
/// labels  [T] I32; a row with a negative one has no loss
/// weights [T] f32 or undefined, as for chunked_cross_entropy
/// Throws Error if the two vocabularies, or the rows, differ.
DistillationLoss chunked_distillation(const Block& head, const Tensor& hidden, const Tensor& labels,
                                      const Tensor& weights, const Teacher& teacher, int64_t chunk = 512);

}  // namespace dure

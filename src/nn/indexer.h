#pragma once

#include "nn/layers.h"
#include "nn/linear.h"
#include "nn/rotary.h"

namespace dure {

/// The rows of a batch that see more positions than they may attend, and which they attend.
struct SparseRows {
  std::vector<int> rows;       ///< [R] of the batch
  std::vector<int> sequences;  ///< [R] that they belong to
  Tensor positions;            ///< I32 [R, topk]
};

/// The lightning indexer of DeepSeek Sparse Attention (DeepSeek-V3.2-Exp, section 2.1): small heads that score every
/// earlier token, so that attention reads the best `topk` alone.
///
/// Its queries come from MLA's latent q_a, its one key a token from x. Both carry a rotary part in their first
/// channels, turned in halves, unlike the interleaved ones of MLA. The published factor heads^-1/2 head_dim^-1/2 on the
/// scores is left out: it does not change which are best. Nor are keys turned by a Hadamard matrix and kept in FP8, as
/// DeepSeek's own kernels do.
class Indexer {
 public:
  int num_heads, head_dim, qk_rope_head_dim, topk;
  Linear wq_b;          ///< [T, q_lora_rank] -> [T, heads * head_dim]
  Linear wk;            ///< [T, D] -> [T, head_dim]
  Linear weights_proj;  ///< [T, D] -> [T, heads]
  LayerNorm k_norm;
  RotaryEmbedding rotary;

  /// x [T, D], q_a [T, q_lora_rank]. Writes the keys to the layer's plane `plane`, if there is a cache.
  SparseRows operator()(const Tensor& x, const Tensor& q_a, const Batch& b, int layer, int plane) const;
  /// Whether a row at this position attends all that it sees.
  bool dense(int position) const { return position < topk; }

 private:
  Tensor turn(const Tensor& x, std::span<const int> positions) const;  // [T, H, head_dim], the same
};

}  // namespace dure

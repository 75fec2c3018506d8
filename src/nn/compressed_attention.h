#pragma once

#include <optional>

#include "nn/compressor.h"
#include "nn/layers.h"

namespace dure {

/// Attention of DeepSeek-V4 (arXiv 2606.19348, section 2; official inference/model.py). A token is one row that is key
/// and value of all heads. A query attends the rows of the last `window` tokens and, in most layers, entries that a
/// Compressor made of earlier ones: with ratio 128 all of them (HCA), with ratio 4 those that an indexer picks (CSA).
/// Each head has a sink, a score without a value. The rotary part of a row is turned back in the output, by the query's
/// position, and the heads go through two matrices, the first one by groups.
///
/// The lines that a row attends are gathered for it, whatever they lie among.
class CompressedAttention : public Attention {
 public:
  /// Scores entries as DeepSeek-V3.2's indexer scores tokens (see Indexer); its keys are entries of its own.
  struct Index {
    int num_heads, head_dim, topk;
    Linear wq_b;          ///< [T, q_lora_rank] -> [T, heads * head_dim]
    Linear weights_proj;  ///< [T, D] -> [T, heads]
    Compressor compressor;
  };

  int num_heads, head_dim, qk_rope_head_dim, window, groups;
  Linear wq_a, wq_b, wkv, wo_b;
  RmsNorm q_norm, kv_norm, head_norm;  ///< head_norm: ones
  HeadLinear wo_a;                     ///< [T, groups, H / groups * head_dim] -> [T, groups, o_lora_rank]
  Tensor attn_sink;                    ///< [H]
  RotaryEmbedding rotary, back;        ///< back: the other way
  std::optional<Compressor> compressor;
  std::optional<Index> index;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const override;
  std::vector<CachePlane> cache_planes() const override;
  int64_t products() const override { return int64_t{num_heads} * 2 * head_dim; }

 private:
  /// I32 [T, topk], or undefined where every row attends all entries that it sees.
  Tensor pick(const Tensor& x, const Tensor& q_r, const Batch& b, int layer) const;
};

}  // namespace dure

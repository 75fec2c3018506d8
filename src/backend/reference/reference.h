#pragma once

#include "backend/backend.h"

namespace dure {

/// The definition of every Backend method: plain scalar loops, sums in double. It is kept for ever as the oracle that
/// faster backends are tested against, so it is written to be read, not to be fast.
class ReferenceBackend : public Backend {
 public:
  ReferenceBackend(std::shared_ptr<ThreadPool> threads, Compute compute)
      : threads_(std::move(threads)), compute_(compute) {}

  std::string name() const override { return "reference"; }
  Weight prepare(Tensor data, Tensor scale) override;
  void prepare_heads(Weight&, HeadRows) override {}

  void gemm(View y, ConstView x, const Weight& w, Direction direction) override;
  void gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) override;
  void gemm_backward_weight(View dw, ConstView dy, ConstView x) override;
  void gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows, Direction direction) override;
  void embedding(View y, ConstView ids, const Weight& table) override;
  void embedding_backward(View dtable, ConstView dy, ConstView ids) override;

  void copy(View y, ConstView x) override;
  void accumulate(View y, ConstView x) override;
  void add(View y, ConstView a, ConstView b) override;
  void sum_rows(View y, ConstView x) override;
  void scale(View y, ConstView x, float factor) override;
  void swiglu(View y, ConstView gate, ConstView up, float limit) override;
  void swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) override;
  void rms_norm(View y, ConstView x, ConstView weight, float eps) override;
  void rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight, float eps) override;
  void layer_norm(View y, ConstView x, ConstView weight, ConstView bias, float eps) override;
  void rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
            RopeStyle style, float sign) override;

  void hyper_mix(View pre, View post, View comb, ConstView m, ConstView base, ConstView factor, int iterations,
                 float eps) override;
  void hyper_collapse(View y, ConstView x, ConstView pre) override;
  void hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) override;
  void softmax_pool(View y, ConstView lines, std::span<const int> starts) override;

  void attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) override;
  void select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv, const Ragged& rows) override;
  void attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                          const KvSource& kv, const Ragged& rows, float scale) override;
  void cache_append(View pages, ConstView x, ConstView block_table, const Ragged& rows) override;
  void cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) override;
  void merge_attention(View o, View lse, ConstView other, ConstView other_lse) override;

  void route(View ids, View weights, ConstView logits, ConstView bias, const Routing& routing) override;
  void route_weights(View weights, ConstView logits, ConstView ids, const Routing& routing) override;
  void route_backward(View dlogits, ConstView dweights, ConstView logits, ConstView ids,
                      const Routing& routing) override;
  void moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) override;
  void moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy, ConstView x,
                    std::span<const Expert> experts, ConstView ids, ConstView weights) override;

  void cross_entropy(View losses, ConstView logits, ConstView labels) override;
  void cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) override;

 protected:
  std::shared_ptr<ThreadPool> threads_;
  Compute compute_;
};

/// Row n of a weight as float32: dequantised, FP8 blocks scaled. `out` has in_features() elements.
void weight_row(const Weight& w, int64_t n, float* out);

/// The `count` best of scores[0, n) in ascending order, then -1: what select_positions() does with a row's scores.
void best_positions(const float* scores, int64_t n, int32_t* ids, int64_t count);

/// dw[begin + n, k] += sum_t dy[t, n] x[t, k].
void outer_product(View dw, int64_t begin, ConstView dy, ConstView x);

}  // namespace dure

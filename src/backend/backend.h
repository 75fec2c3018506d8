#pragma once

#include <array>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

/// A weight [N, K], made once by Backend::prepare. y = x W^T.
struct Weight {
  Tensor data;   ///< [N, K] as stored: any dtype whose DTypeInfo::weight is set
  Tensor scale;  ///< F8_E4M3 only: float32 [ceil(N/128), ceil(K/128)], a factor for each 128x128 block
  /// The same in the order that the backend's kernels stream, if they want another than that of `data`; its own affair.
  std::shared_ptr<const void> packed = nullptr;
  /// Heads' rows in the other orientation, [H * K, count], if prepare_heads made them.
  std::shared_ptr<const Weight> turned = nullptr;

  bool defined() const { return data.defined(); }
  int64_t out_features() const { return data.dim(0); }
  int64_t in_features() const { return data.dim(1); }
};

/// Which way a weight is applied.
enum class Direction : uint8_t {
  forward,    ///< y[T, N] = x[T, K] W^T
  transpose,  ///< y[T, K] = x[T, N] W
};

constexpr Direction opposite(Direction d) {
  return d == Direction::forward ? Direction::transpose : Direction::forward;
}

/// The rows of a weight that belong to each head: head h has rows [h * stride + begin, h * stride + begin + count).
struct HeadRows {
  int64_t stride, begin, count;
};

/// Which pairs of channels a rotary embedding turns.
enum class RopeStyle : uint8_t {
  half,        ///< (x[i], x[i + R/2]): Llama, Qwen
  interleaved  ///< (x[2i], x[2i + 1]): DeepSeek
};

/// Rows of several sequences, one after the other. Row t of sequence s (starts[s] <= t < starts[s + 1]) stands at
/// positions[t] of its sequence and attends the positions up to its own.
struct Ragged {
  std::span<const int> starts;     ///< [S + 1]
  std::span<const int> positions;  ///< [T]
  int sequences() const { return static_cast<int>(starts.size()) - 1; }
};

/// Where attention reads keys and values. The channels of a key are the concatenation of one or two parts (MLA: latent
/// and rotary part); a part with fewer heads than the query is shared by groups of them.
/// Parts are [R, heads, width], R rows of the batch itself, or [blocks, block_size, heads, width] pages: the row of
/// position p of sequence s is page block_table[s, p / block_size], line p % block_size.
struct KvSource {
  std::array<ConstView, 2> key;  ///< the second may be empty
  ConstView value;
  ConstView block_table;  ///< I32 [S, pages per sequence]; empty: rows of the batch itself
  int block_size = 0;     ///< 0: rows of the batch itself
  /// [S] with plain rows: the row of each sequence's position 0, if the rows are not those of the batch.
  std::span<const int> starts = {};
};

/// Positions that row t attends, from 0 on.
inline int64_t visible_positions(const KvSource& kv, const Ragged& rows, int sequence, int64_t t) {
  const bool own_rows = kv.block_size == 0 && kv.starts.empty();
  return own_rows ? t - rows.starts[sequence] + 1 : rows.positions[t] + 1;
}
/// The plain row where the sequence's position 0 is.
inline int64_t first_line(const KvSource& kv, const Ragged& rows, int sequence) {
  return kv.starts.empty() ? rows.starts[sequence] : kv.starts[sequence];
}

/// How a router turns logits into experts and weights; the names are those of the configs.
struct Routing {
  enum class Score : uint8_t { softmax, sigmoid, sqrt_softplus };  ///< the last: sqrt(log(1 + e^x)), DeepSeek-V4
  enum class Groups : uint8_t {
    none,
    best,
    best_two
  };  ///< a group's score: its best expert (V2), sum of two best (V3)
  Score score = Score::softmax;
  Groups groups = Groups::none;
  int top_k = 1;
  int n_group = 1, topk_group = 1;
  bool norm_topk_prob = false;
  float routed_scaling_factor = 1;
};

/// A low-rank addition to a weight (LoRA, Hu et al., 2021): y += scale * (x A^T) B^T.
struct Lora {
  Weight a;  ///< [r, K]
  Weight b;  ///< [N, r]
  float scale = 1;
  std::shared_ptr<const bool> on = nullptr;  ///< whether it takes part; null: always

  bool active() const { return on == nullptr || *on; }
};

/// Activations are not limited.
constexpr float kNoLimit = std::numeric_limits<float>::infinity();

/// One expert of a mixture: down(silu(gate(x)) * up(x)), each of the three with what adapters add to it.
struct Expert {
  Weight gate, up, down;  // [I, D] [I, D] [D, I]
  std::vector<Lora> gate_loras = {}, up_loras = {}, down_loras = {};
  float swiglu_limit = kNoLimit;  ///< see Backend::swiglu
};

/// What the rows of a batch are. A row's arithmetic is that of its kind: kernels may choose what is fast for many rows
/// of a prompt, or for the few rows that a step of decoding has.
enum class RowKind : uint8_t {
  prompt,  ///< tokens that the user gave
  sampled  ///< tokens that the model sampled; in exact runs all
};

/// Arithmetic of the GEMMs. Accumulation is float32 always.
enum class Compute : uint8_t {
  f32,   ///< weights exactly as stored, activations float32: what goldens are checked with
  bf16,  ///< both rounded to bfloat16 before they are multiplied
  int8,  ///< the fast one: weights as stored, activations as Rounding says
};

/// To what Compute::int8 rounds the rows that meet weights of a dtype in a forward product.
enum class Rounding : uint8_t {
  none,  ///< F32 and F16 weights
  bf16,  ///< BF16 and F8_E4M3 weights
  int8,  ///< quantised weights: groups of 32 in 8 bits with a float32 factor
};
Rounding fast_rounding(DType dtype);

/// The complete list of what a machine must do, on raw views. Activations and gradients are float32; ids are I32.
/// An op of ops/ has checked every shape before it calls here; outputs never overlap inputs unless said.
/// Results depend on the arguments alone: not on threads, nor on the other rows of a batch.
class Backend {
 public:
  virtual ~Backend() = default;
  /// What the rows of the products that follow are; RowKind::prompt until it is said.
  virtual void set_row_kind(RowKind) {}
  virtual std::string name() const = 0;  ///< "reference", "cpu/avx512"

  /// Makes a weight of what is stored. Where kernels want another order this makes a copy; `data` is then needed for
  /// little (embeddings, gradients), so a mapped file's pages may leave memory.
  virtual Weight prepare(Tensor data, Tensor scale) = 0;

  /// Readies gemm_heads with these rows of each head and Direction::transpose, by a copy in bfloat16 if that is much
  /// faster than the weight as it is stored. Never in Compute::f32.
  virtual void prepare_heads(Weight& w, HeadRows rows) = 0;

  // --- linear algebra ---
  /// y = x W^T, or x W with Direction::transpose.
  virtual void gemm(View y, ConstView x, const Weight& w, Direction direction) = 0;
  /// The same for each head h with its own rows of w: y[T, H, n] = x[T, H, k] W_h^T (or x W_h).
  virtual void gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) = 0;
  /// dw[N, K] += dy[T, N]^T x[T, K].
  virtual void gemm_backward_weight(View dw, ConstView dy, ConstView x) = 0;
  /// dw += the same for each head's rows, dy [T, H, n], x [T, H, k].
  virtual void gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows, Direction direction) = 0;
  virtual void embedding(View y, ConstView ids, const Weight& table) = 0;         // y[t] = table[ids[t]]
  virtual void embedding_backward(View dtable, ConstView dy, ConstView ids) = 0;  // dtable[ids[t]] += dy[t]

  // --- elementwise, rows [..., D] ---
  virtual void copy(View y, ConstView x) = 0;              // y = x
  virtual void accumulate(View y, ConstView x) = 0;        // y += x
  virtual void add(View y, ConstView a, ConstView b) = 0;  // b: the same shape as a, or one row [D] for all
  virtual void sum_rows(View y, ConstView x) = 0;          // y[D] += sum over rows of x
  virtual void scale(View y, ConstView x, float factor) = 0;
  /// y = silu(min(gate, limit)) * clamp(up, -limit, limit); DeepSeek-V4 limits, others do not.
  virtual void swiglu(View y, ConstView gate, ConstView up, float limit) = 0;
  virtual void swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) = 0;
  virtual void rms_norm(View y, ConstView x, ConstView weight, float eps) = 0;
  virtual void rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight, float eps) = 0;
  /// y = (x - mean) / sqrt(variance + eps) * weight + bias, the moments over the last dimension.
  virtual void layer_norm(View y, ConstView x, ConstView weight, ConstView bias, float eps) = 0;
  /// Turns pair i of row [t, h, :] by angle positions[t] * frequencies[i], and scales by `magnitude`.
  /// sign -1 turns back (the gradient). x [T, H, R], frequencies [R / 2].
  virtual void rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
                    RopeStyle style, float sign) = 0;

  // --- hyper-connections: n streams a row, see nn/hyper_connection.h ---
  /// ops/hyper.h has the formulas. m [T, n (n + 2)]; pre, post [T, n], comb [T, n, n]. With post and comb empty m is
  /// [T, n].
  virtual void hyper_mix(View pre, View post, View comb, ConstView m, ConstView base, ConstView factor, int iterations,
                         float eps) = 0;
  virtual void hyper_collapse(View y, ConstView x, ConstView pre) = 0;  // y[t] = sum_h pre[t, h] x[t, h]
  /// y[t, k] = post[t, k] block[t] + sum_j comb[t, j, k] x[t, j]
  virtual void hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) = 0;
  /// y[n, c] = sum of lines[l, c] weighed by the softmax of lines[l, W + c], l in [starts[n], starts[n + 1]).
  virtual void softmax_pool(View y, ConstView lines, std::span<const int> starts) = 0;

  // --- attention ---
  /// o[t, h] = softmax_j(scale * q[t, h] . key[j, h]) value[j, h]; q [T, H, Dk], o [T, H, Dv].
  /// lse [T, H], unless it is empty: log sum_j exp(scale * q . key[j]), by which results over other positions are
  /// merged. A row that attends nothing (position -1) yields 0 and -infinity.
  virtual void attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) = 0;
  /// ids [T, k] I32: of the positions that row t may attend, those with the highest sum_h weights[t, h] *
  /// max(q[t, h] . key[j], 0), in ascending order; ties go to the lower position. A row that may attend fewer than k
  /// has all of them, and then -1. q [T, H, D], weights [T, H], key [.., 1, D] in one part; kv.value is not looked at.
  virtual void select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv, const Ragged& rows) = 0;
  /// Gradients for keys and values that are rows of the batch. dkey and dvalue are added to.
  virtual void attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                                  const KvSource& kv, const Ragged& rows, float scale) = 0;
  /// Writes row t of x [T, width] to its place in `pages` [blocks, block_size, width] (see KvSource), rounding to the
  /// pages' dtype.
  virtual void cache_append(View pages, ConstView x, ConstView block_table, const Ragged& rows) = 0;
  /// The other way: row t of x is what the cache holds at positions[t].
  virtual void cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) = 0;
  /// o [T, H, D] and its log-sum-exp [T, H] are joined by attention of the same queries to other positions.
  virtual void merge_attention(View o, View lse, ConstView other, ConstView other_lse) = 0;

  // --- mixture of experts ---
  /// Picks top_k experts a row. ids [T, k] in ascending order, weights [T, k]; logits [T, E]; bias [E] (may be empty)
  /// is added for choosing only. Ties go to the lower id.
  virtual void route(View ids, View weights, ConstView logits, ConstView bias, const Routing& routing) = 0;
  /// weights [T, k] for experts already chosen.
  virtual void route_weights(View weights, ConstView logits, ConstView ids, const Routing& routing) = 0;
  virtual void route_backward(View dlogits, ConstView dweights, ConstView logits, ConstView ids,
                              const Routing& routing) = 0;
  /// y[t] = sum_k weights[t, k] * expert(ids[t, k])(x[t]), summed in the order of k. x, y [T, D].
  virtual void moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) = 0;
  /// dx, dweights and, of each expert, the gradients of its matrices and of its adapters' (empty views: not wanted) are
  /// added to.
  struct LoraGradient {
    View a, b;
  };
  struct ExpertGradient {
    View gate, up, down;
    std::vector<LoraGradient> gate_loras = {}, up_loras = {}, down_loras = {};  // as many as the expert has
  };
  virtual void moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy, ConstView x,
                            std::span<const Expert> experts, ConstView ids, ConstView weights) = 0;

  // --- loss ---
  /// losses[t] = logsumexp(logits[t]) - logits[t, labels[t]]; 0 where labels[t] is negative.
  virtual void cross_entropy(View losses, ConstView logits, ConstView labels) = 0;
  /// dlogits[t] = dlosses[t] * (softmax(logits[t]) - onehot(labels[t])); 0 where labels[t] is negative.
  virtual void cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) = 0;
};

}  // namespace dure

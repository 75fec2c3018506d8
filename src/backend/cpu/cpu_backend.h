#pragma once

#include "backend/cpu/heuristics.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/pack.h"
#include "backend/cpu/scratch.h"
#include "backend/reference/reference.h"

namespace dure {

struct Grouping;

/// Which of Kernels::formats a dtype is. Throws Error if there is none.
cpu::Format format_of(DType dtype);

/// The vector units of this machine: shapes, threads and buffers here, arithmetic in the kernels of isa/. What is not
/// hot is inherited from the reference.
///
/// A row's result has the same bits whatever the number of threads and whichever rows come with it: every output is
/// summed in one order, and pieces of work only decide who computes it.
class CpuBackend : public ReferenceBackend {
 public:
  /// What multiplies panels with rows of prompts. Tiles round weights too (Kernels::tiles), so which of them multiplies
  /// a row may depend on the kind of row alone, never on how many come together; sampled rows, and formats without tile
  /// kernels, are always left to vectors.
  enum class Units : uint8_t { vectors, tiles };

  CpuBackend(const cpu::Kernels& kernels, std::shared_ptr<ThreadPool> threads, Compute compute,
             Units units = Units::vectors)
      : ReferenceBackend(std::move(threads), compute), kernels_(kernels), units_(units) {}

  std::string name() const override;
  void set_row_kind(RowKind kind) override { row_kind_ = kind; }
  Weight prepare(Tensor data, Tensor scale) override;
  void prepare_heads(Weight& w, HeadRows rows) override;

  void gemm(View y, ConstView x, const Weight& w, Direction direction) override;
  void gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) override;
  void gemm_backward_weight(View dw, ConstView dy, ConstView x) override;
  void gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows, Direction direction) override;
  void embedding(View y, ConstView ids, const Weight& table) override;

  void copy(View y, ConstView x) override;
  void accumulate(View y, ConstView x) override;
  void add(View y, ConstView a, ConstView b) override;
  void scale(View y, ConstView x, float factor) override;
  void swiglu(View y, ConstView gate, ConstView up, float limit) override;
  void swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) override;
  void rms_norm(View y, ConstView x, ConstView weight, float eps) override;
  void rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight, float eps) override;
  void cross_entropy(View losses, ConstView logits, ConstView labels) override;
  void cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) override;
  void rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
            RopeStyle style, float sign) override;

  void hyper_collapse(View y, ConstView x, ConstView pre) override;
  void hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) override;
  void softmax_pool(View y, ConstView lines, std::span<const int> starts) override;

  void attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) override;
  void select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv, const Ragged& rows) override;
  void attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                          const KvSource& kv, const Ragged& rows, float scale) override;
  void cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) override;
  void merge_attention(View o, View lse, ConstView other, ConstView other_lse) override;
  void moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) override;
  void moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy, ConstView x,
                    std::span<const Expert> experts, ConstView ids, ConstView weights) override;

 private:
  /// y[M, n] = x[M] . w[n] for n in [begin, end), or y[M, K] = x[M, end - begin] w[begin, end).
  struct Product {
    cpu::Rows y;
    cpu::ConstRows x;
    int64_t M;
    cpu::WeightRows w;
    cpu::Format format;
    int64_t begin, end;
    const cpu::PanelRows* panels = nullptr;  ///< then `prepared` is multiplied instead of x
    const cpu::PanelKernels* panel_kernels = nullptr;
    cpu::PanelInput prepared = {};
  };
  /// Rows of activations as the compute mode sees them, with the copy that holds them if there is one.
  struct Operand {
    cpu::ConstRows rows;
    Scratch::Buffer copy;
  };

  /// Rows of activations as panels of a format take them, with the memory that holds them.
  struct Prepared {
    cpu::PanelInput rows;
    Scratch::Buffer memory;

    uint8_t* row(int64_t r) const { return const_cast<uint8_t*>(rows.data) + r * rows.row_bytes; }
    cpu::PanelInput from(int64_t r) const { return {row(r), rows.row_bytes}; }
  };

  /// Bfloat16 where the machine multiplies it, the compute mode allows it and the widths are even.
  const cpu::AttentionKernels& attention_arithmetic(const KvSource& kv) const;
  static Product product(const Weight& w, int64_t begin, int64_t end);
  static const cpu::PanelRows* panels_of(const Weight& w) { return static_cast<const cpu::PanelRows*>(w.packed.get()); }
  Operand operand(ConstView x);
  const cpu::PanelKernels& panel_kernels(const Weight& w) const;
  /// Room for that many rows of K columns.
  Prepared room(const cpu::PanelKernels& kernels, int64_t rows, int64_t K);
  Prepared prepared(const cpu::PanelKernels& kernels, ConstView x);
  /// Whether all chosen experts are in panels and without adapters; then moe() is moe_in_panels().
  static bool all_in_panels(std::span<const Expert> experts, const Grouping& grouping);
  void moe_in_panels(View y, ConstView x, std::span<const Expert> experts, const Grouping& grouping, ConstView weights);
  void multiply(std::span<const Product> products, Direction direction);
  void multiply_forward(const Product& p, int64_t begin, int64_t end);
  void multiply_transpose(const Product& p, int64_t column, int64_t count);
  /// dw[n, k] += sum over t of dy[t, n] x[t, k], for a dw of N x K.
  void outer_products(cpu::Rows dw, cpu::ConstRows dy, cpu::ConstRows x, int64_t T, int64_t N, int64_t K);

  // Products of bfloat16 pairs (pair_products.cc), for weights in float32, which are training's, and for prompts and
  // training on those of other types: to unpack all of a weight does not pay for a few sampled rows.
  bool in_pairs(const Weight& w) const {
    return in_pairs() && (w.data.dtype() == DType::F32 || row_kind_ == RowKind::prompt);
  }
  bool in_pairs() const { return compute_ == Compute::bf16 && kernels_.pairs != nullptr; }
  struct PairFactor;
  /// As gemm() and gemm_backward_weight(), of the rows [begin, begin + count) of w.
  void gemm_in_pairs(View y, ConstView x, const Weight& w, int64_t begin, int64_t count, Direction direction);
  void turn_weight(uint32_t* panels, const Product& p);
  void interleave_weight(uint32_t* panels, const Product& p);
  void outer_in_pairs(cpu::Rows dw, cpu::ConstRows dy, cpu::ConstRows x, int64_t T, int64_t N, int64_t K);
  void multiply_pairs(cpu::Rows y, const PairFactor& a, const uint32_t* panels, int64_t M, int64_t N, int64_t pairs,
                      bool add);

  /// body(row) for every row, by all threads if that pays.
  template <class F>
  void for_each_row(int64_t rows, int64_t columns, F body);
  bool rounds(cpu::Format format) const { return compute_ == Compute::bf16 && format != cpu::kBF16; }

  const cpu::Kernels& kernels_;
  const Units units_;
  RowKind row_kind_ = RowKind::prompt;
  Scratch scratch_;
  PanelMemory panels_;
};

template <class F>
void CpuBackend::for_each_row(int64_t rows, int64_t columns, F body) {
  threads_->parallel_for(rows, heuristics::row_grain(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r);
  });
}

}  // namespace dure

#include "backend/observed.h"

#include <algorithm>

#include "backend/lora.h"

namespace dure {
namespace {

/// [rows, columns] that last as long as they are looked at.
struct Rows {
  Rows(int64_t rows, int64_t columns)
      : memory(static_cast<size_t>(rows * columns)), view(memory.data(), DType::F32, {rows, columns}, {columns, 1}) {}
  std::vector<float> memory;
  View view;
};

class ObservedBackend final : public Backend {
 public:
  ObservedBackend(std::shared_ptr<Backend> inner, InputObserver observer)
      : inner_(std::move(inner)), observer_(std::move(observer)) {}

  void gemm(View y, ConstView x, const Weight& w, Direction direction) override {
    observer_({w, x, nullptr, direction});
    inner_->gemm(y, x, w, direction);
  }
  void gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) override {
    observer_({w, x, &rows, direction});
    inner_->gemm_heads(y, x, w, rows, direction);
  }
  void moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) override {
    std::vector<std::vector<int64_t>> rows(experts.size());  // of x, by expert
    for (int64_t t = 0; t < x.rows(); ++t)
      for (int64_t i = 0; i < ids.columns(); ++i) rows[static_cast<size_t>(ids.row<int>(t)[i])].push_back(t);
    for (size_t e = 0; e < experts.size(); ++e)
      if (!rows[e].empty()) observe_expert(experts[e], x, rows[e]);
    inner_->moe(y, x, experts, ids, weights);
  }

  // The rest is passed on.
  void set_row_kind(RowKind kind) override { inner_->set_row_kind(kind); }
  std::string name() const override { return inner_->name(); }
  Weight prepare(Tensor data, Tensor scale) override { return inner_->prepare(std::move(data), std::move(scale)); }
  void gemm_backward_weight(View dw, ConstView dy, ConstView x) override { inner_->gemm_backward_weight(dw, dy, x); }
  void gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows, Direction direction) override {
    inner_->gemm_heads_backward_weight(dw, dy, x, rows, direction);
  }
  void embedding(View y, ConstView ids, const Weight& table) override { inner_->embedding(y, ids, table); }
  void embedding_backward(View dtable, ConstView dy, ConstView ids) override {
    inner_->embedding_backward(dtable, dy, ids);
  }
  void copy(View y, ConstView x) override { inner_->copy(y, x); }
  void accumulate(View y, ConstView x) override { inner_->accumulate(y, x); }
  void add(View y, ConstView a, ConstView b) override { inner_->add(y, a, b); }
  void sum_rows(View y, ConstView x) override { inner_->sum_rows(y, x); }
  void scale(View y, ConstView x, float factor) override { inner_->scale(y, x, factor); }
  void swiglu(View y, ConstView gate, ConstView up, float limit) override { inner_->swiglu(y, gate, up, limit); }
  void swiglu_backward(View dgate, View dup, ConstView dy, ConstView gate, ConstView up, float limit) override {
    inner_->swiglu_backward(dgate, dup, dy, gate, up, limit);
  }
  void rms_norm(View y, ConstView x, ConstView weight, float eps) override { inner_->rms_norm(y, x, weight, eps); }
  void rms_norm_backward(View dx, View dweight, ConstView dy, ConstView x, ConstView weight, float eps) override {
    inner_->rms_norm_backward(dx, dweight, dy, x, weight, eps);
  }
  void layer_norm(View y, ConstView x, ConstView weight, ConstView bias, float eps) override {
    inner_->layer_norm(y, x, weight, bias, eps);
  }
  void rope(View y, ConstView x, std::span<const int> positions, ConstView frequencies, float magnitude,
            RopeStyle style, float sign) override {
    inner_->rope(y, x, positions, frequencies, magnitude, style, sign);
  }
  void hyper_mix(View pre, View post, View comb, ConstView m, ConstView base, ConstView factor, int iterations,
                 float eps) override {
    inner_->hyper_mix(pre, post, comb, m, base, factor, iterations, eps);
  }
  void hyper_collapse(View y, ConstView x, ConstView pre) override { inner_->hyper_collapse(y, x, pre); }
  void hyper_expand(View y, ConstView x, ConstView block, ConstView post, ConstView comb) override {
    inner_->hyper_expand(y, x, block, post, comb);
  }
  void softmax_pool(View y, ConstView lines, std::span<const int> starts) override {
    inner_->softmax_pool(y, lines, starts);
  }
  void attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) override {
    inner_->attention(o, lse, q, kv, rows, scale);
  }
  void select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv, const Ragged& rows) override {
    inner_->select_positions(ids, q, weights, kv, rows);
  }
  void attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                          const KvSource& kv, const Ragged& rows, float scale) override {
    inner_->attention_backward(dq, dkey, dvalue, dout, q, kv, rows, scale);
  }
  void cache_append(View pages, ConstView x, ConstView block_table, const Ragged& rows) override {
    inner_->cache_append(pages, x, block_table, rows);
  }
  void cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) override {
    inner_->cache_read(x, pages, block_table, rows);
  }
  void merge_attention(View o, View lse, ConstView other, ConstView other_lse) override {
    inner_->merge_attention(o, lse, other, other_lse);
  }
  void prepare_heads(Weight& w, HeadRows rows) override { inner_->prepare_heads(w, rows); }
  void route(View ids, View weights, ConstView logits, ConstView bias, const Routing& routing) override {
    inner_->route(ids, weights, logits, bias, routing);
  }
  void route_weights(View weights, ConstView logits, ConstView ids, const Routing& routing) override {
    inner_->route_weights(weights, logits, ids, routing);
  }
  void route_backward(View dlogits, ConstView dweights, ConstView logits, ConstView ids,
                      const Routing& routing) override {
    inner_->route_backward(dlogits, dweights, logits, ids, routing);
  }
  void moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy, ConstView x,
                    std::span<const Expert> experts, ConstView ids, ConstView weights) override {
    inner_->moe_backward(dx, dweights, dexperts, dy, x, experts, ids, weights);
  }
  void cross_entropy(View losses, ConstView logits, ConstView labels) override {
    inner_->cross_entropy(losses, logits, labels);
  }
  void cross_entropy_backward(View dlogits, ConstView dlosses, ConstView logits, ConstView labels) override {
    inner_->cross_entropy_backward(dlogits, dlosses, logits, labels);
  }

 private:
  void observe_expert(const Expert& expert, ConstView x, const std::vector<int64_t>& rows) {
    const int64_t n = static_cast<int64_t>(rows.size()), D = x.columns(), I = expert.gate.out_features();
    Rows in(n, D), gate(n, I), up(n, I), hidden(n, I);
    for (int64_t r = 0; r < n; ++r) std::copy_n(x.row(rows[static_cast<size_t>(r)]), D, in.view.row(r));
    gemm(gate.view, in.view, expert.gate, Direction::forward);
    gemm(up.view, in.view, expert.up, Direction::forward);
    add_loras(*inner_, gate.view, in.view, expert.gate_loras);
    add_loras(*inner_, up.view, in.view, expert.up_loras);
    inner_->swiglu(hidden.view, gate.view, up.view, expert.swiglu_limit);
    observer_({expert.down, hidden.view});
  }

  std::shared_ptr<Backend> inner_;
  InputObserver observer_;
};

}  // namespace

std::shared_ptr<Backend> observe_inputs(std::shared_ptr<Backend> inner, InputObserver observer) {
  return std::make_shared<ObservedBackend>(std::move(inner), std::move(observer));
}

}  // namespace dure

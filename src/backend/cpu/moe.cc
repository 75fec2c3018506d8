#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/grouping.h"
#include "backend/lora.h"

namespace dure {

// All experts' matrices are one list of products, so that threads share the work evenly however it is spread, and each
// expert's weights are read once however many tokens chose it.
void CpuBackend::moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) {
  const int64_t D = x.columns(), k = ids.columns(), choices = ids.rows() * k;
  if (choices == 0) return;
  const Grouping grouping = group_by_expert(ids, experts.size());
  if (all_in_panels(experts, grouping)) return moe_in_panels(y, x, experts, grouping, weights);
  int64_t I = 0;  // the widest expert
  for (const Expert& e : experts) I = std::max(I, e.gate.out_features());

  const Scratch::Buffer in = scratch_.take(choices * D), out = scratch_.take(choices * D);   // [T k, D], by expert
  const Scratch::Buffer gate = scratch_.take(choices * I), up = scratch_.take(choices * I);  // [T k, I]
  const auto expert_of = [&](int64_t r) -> const Expert& {
    return experts[static_cast<size_t>(ids.row<int>(grouping.order[r] / k)[grouping.order[r] % k])];
  };
  for_each_row(choices, D, [&](int64_t r) {
    const float* from = x.row(grouping.order[r] / k);
    if (compute_ == Compute::bf16)
      kernels_.round_bf16(in.data() + r * D, from, D);
    else
      std::memcpy(in.data() + r * D, from, static_cast<size_t>(D) * sizeof(float));
  });

  /// The rows of expert e in a buffer.
  const auto rows_of_expert = [&](const Scratch::Buffer& buffer, size_t e, int64_t columns, int64_t stride) {
    const int64_t begin = grouping.start[e], rows = grouping.start[e + 1] - begin;
    return View(buffer.data() + begin * stride, DType::F32, {rows, columns}, {stride, 1});
  };
  const auto add_adapters = [&](std::vector<Lora> Expert::*part, const Scratch::Buffer& y, int64_t y_stride,
                                const Scratch::Buffer& from, int64_t stride) {
    for (size_t e = 0; e < experts.size(); ++e) {
      const std::vector<Lora>& loras = experts[e].*part;
      if (loras.empty() || grouping.start[e] == grouping.start[e + 1]) continue;
      const int64_t N = loras.front().b.out_features(), K = loras.front().a.in_features();
      add_loras(*this, rows_of_expert(y, e, N, y_stride), rows_of_expert(from, e, K, stride), loras);
    }
  };
  /// to = from W^T of every expert.
  const auto multiply_all = [&](std::initializer_list<Weight Expert::*> matrices,
                                std::initializer_list<const Scratch::Buffer*> to, int64_t to_stride,
                                const Scratch::Buffer& from, int64_t stride) {
    std::vector<Product> products;
    std::vector<Prepared> rows;
    for (size_t e = 0; e < experts.size(); ++e) {
      const int64_t begin = grouping.start[e], count = grouping.start[e + 1] - begin;
      for (size_t i = 0; i < matrices.size() && count > 0; ++i) {
        const Weight& w = experts[e].*matrices.begin()[i];
        if (in_pairs(w)) {
          gemm(rows_of_expert(*to.begin()[i], e, w.out_features(), to_stride),
               rows_of_expert(from, e, w.in_features(), stride), w, Direction::forward);
          continue;
        }
        Product p = product(w, 0, w.out_features());
        p.y = {to.begin()[i]->data() + begin * to_stride, to_stride};
        p.x = {from.data() + begin * stride, stride};
        p.M = count;
        p.panels = panels_of(w);
        if (w.packed) {
          rows.push_back(prepared(panel_kernels(w), rows_of_expert(from, e, w.in_features(), stride)));
          p.panel_kernels = &panel_kernels(w);
          p.prepared = rows.back().rows;
        }
        products.push_back(p);
      }
    }
    multiply(products, Direction::forward);
  };
  multiply_all({&Expert::gate, &Expert::up}, {&gate, &up}, I, in, D);
  add_adapters(&Expert::gate_loras, gate, I, in, D);
  add_adapters(&Expert::up_loras, up, I, in, D);
  for_each_row(choices, I, [&](int64_t r) {
    float* hidden = gate.data() + r * I;
    const int64_t width = expert_of(r).gate.out_features();
    kernels_.swiglu(hidden, hidden, up.data() + r * I, expert_of(r).swiglu_limit, width);
    if (compute_ == Compute::bf16) kernels_.round_bf16(hidden, hidden, width);
  });
  multiply_all({&Expert::down}, {&out}, D, gate, I);
  add_adapters(&Expert::down_loras, out, D, gate, I);
  for_each_row(y.rows(), D, [&](int64_t t) {
    float* sum = y.row(t);
    std::fill_n(sum, D, 0.f);
    for (int64_t i = 0; i < k; ++i)
      kernels_.blend(sum, 1, out.data() + grouping.place[t * k + i] * D, weights.row(t)[i], D);
  });
}

// Expert after expert, each with all its tokens at once; ids of a row ascend, so a token's sums keep the order of k.
void CpuBackend::moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy,
                              ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) {
  const int64_t D = x.columns(), k = ids.columns();
  const Grouping grouping = group_by_expert(ids, experts.size());
  for (size_t e = 0; e < experts.size(); ++e) {
    const Expert& expert = experts[e];
    const int64_t *choice = grouping.order.data() + grouping.start[e], n = grouping.start[e + 1] - grouping.start[e];
    const int64_t I = expert.gate.out_features();
    if (n == 0) continue;
    const Scratch::Buffer memory = scratch_.take(n * (5 * D + 6 * I));
    float* next = memory.data();
    const auto rows = [&](int64_t columns) {  // [n, columns]
      const View v(next, DType::F32, {n, columns}, {columns, 1});
      next += n * columns;
      return v;
    };
    const View in = rows(D), out = rows(D), dout = rows(D), from_gate = rows(D), from_up = rows(D);
    const View gate = rows(I), up = rows(I), hidden = rows(I), dhidden = rows(I), dgate = rows(I), dup = rows(I);

    for_each_row(n, D, [&](int64_t r) { kernels_.scale(in.row(r), x.row(choice[r] / k), 1, D); });
    gemm(gate, in, expert.gate, Direction::forward);
    gemm(up, in, expert.up, Direction::forward);
    add_loras(*this, gate, in, expert.gate_loras);
    add_loras(*this, up, in, expert.up_loras);
    swiglu(hidden, gate, up, expert.swiglu_limit);
    gemm(out, hidden, expert.down, Direction::forward);
    add_loras(*this, out, hidden, expert.down_loras);
    for_each_row(n, D, [&](int64_t r) {
      const int64_t t = choice[r] / k, i = choice[r] % k;
      float dot;
      kernels_.dot({&dot, 1}, {dy.row(t), D}, {out.row(r), D}, 1, 1, D);
      dweights.row(t)[i] += dot;
      kernels_.scale(dout.row(r), dy.row(t), weights.row(t)[i], D);
    });
    static const ExpertGradient kNone;
    const ExpertGradient& wanted = dexperts.empty() ? kNone : dexperts[e];
    gemm(dhidden, dout, expert.down, Direction::transpose);
    add_loras_backward(*this, dhidden, wanted.down_loras, dout, hidden, expert.down_loras);
    swiglu_backward(dgate, dup, dhidden, gate, up, expert.swiglu_limit);
    gemm(from_gate, dgate, expert.gate, Direction::transpose);
    gemm(from_up, dup, expert.up, Direction::transpose);
    add_loras_backward(*this, from_gate, wanted.gate_loras, dgate, in, expert.gate_loras);
    add_loras_backward(*this, from_up, wanted.up_loras, dup, in, expert.up_loras);
    for_each_row(n, D, [&](int64_t r) {
      float* to = dx.row(choice[r] / k);
      kernels_.add(to, to, from_gate.row(r), D);
      kernels_.add(to, to, from_up.row(r), D);
    });
    if (!wanted.gate.empty()) gemm_backward_weight(wanted.gate, dgate, in);
    if (!wanted.up.empty()) gemm_backward_weight(wanted.up, dup, in);
    if (!wanted.down.empty()) gemm_backward_weight(wanted.down, dout, hidden);
  }
}

}  // namespace dure

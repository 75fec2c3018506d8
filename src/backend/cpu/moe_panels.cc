#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/grouping.h"

// A mixture of experts whose matrices all lie in panels, without adapters: what decoding spends most of its time in. A
// piece of work is some rows of gate and up with all tokens of an expert, so that their hidden values are made, and
// prepared for down, while they are at hand. For a few tokens two fork-joins do everything.

namespace dure {

using namespace heuristics;

bool CpuBackend::all_in_panels(std::span<const Expert> experts, const Grouping& grouping) {
  for (size_t e = 0; e < experts.size(); ++e) {
    if (grouping.start[e] == grouping.start[e + 1]) continue;
    const Expert& expert = experts[e];
    if (!expert.gate.packed || !expert.up.packed || !expert.down.packed) return false;
    for (const std::vector<Lora>* loras : {&expert.gate_loras, &expert.up_loras, &expert.down_loras})
      if (std::ranges::any_of(*loras, &Lora::active)) return false;
  }
  return true;
}

namespace {

/// An expert that was chosen, and where its rows are in the order of experts.
struct Chosen {
  const Expert* expert;
  int64_t first, rows;
};

struct Piece {
  const Chosen* chosen;
  int64_t begin, end;  // hidden channels
};

}  // namespace

void CpuBackend::moe_in_panels(View y, ConstView x, std::span<const Expert> experts, const Grouping& grouping,
                               ConstView weights) {
  const int64_t T = x.rows(), D = x.columns(), k = weights.columns(), choices = T * k;
  std::vector<Chosen> chosen;
  std::vector<const Expert*> expert_of(static_cast<size_t>(choices));  // of a place in the order of experts
  int64_t in_bytes = 0, hidden_bytes = 0;                              // of a row
  bool gates_differ = false;                                           // from ups, in what they are multiplied with
  for (size_t e = 0; e < experts.size(); ++e) {
    const int64_t first = grouping.start[e], rows = grouping.start[e + 1] - first;
    if (rows == 0) continue;
    const Expert& expert = experts[e];
    chosen.push_back({&expert, first, rows});
    std::fill_n(expert_of.begin() + first, rows, &expert);
    const cpu::PanelKernels &gate = panel_kernels(expert.gate), &up = panel_kernels(expert.up);
    in_bytes = std::max({in_bytes, gate.row_bytes(D), up.row_bytes(D)});
    hidden_bytes = std::max(hidden_bytes, panel_kernels(expert.down).row_bytes(expert.down.in_features()));
    gates_differ |= gate.prepare != up.prepare;
  }
  const auto rows_of = [&](int64_t bytes) {
    Scratch::Buffer memory = scratch_.take(choices * bytes / static_cast<int64_t>(sizeof(float)));
    return Prepared{{reinterpret_cast<const uint8_t*>(memory.data()), bytes}, std::move(memory)};
  };
  const Prepared gate_in = rows_of(in_bytes), hidden = rows_of(hidden_bytes);
  const Prepared up_in = gates_differ ? rows_of(in_bytes) : Prepared{};

  // A token's row is prepared once and copied for its other experts.
  const auto prepare = [&](const Prepared& to, Weight Expert::*matrix, int64_t t) {
    const int64_t* place = grouping.place.data() + t * k;
    for (int64_t i = 0; i < k; ++i) {
      const auto kernels = [&](int64_t j) { return &panel_kernels(expert_of[place[j]]->*matrix); };
      if (i > 0 && kernels(i)->prepare == kernels(0)->prepare)
        std::memcpy(to.row(place[i]), to.row(place[0]), static_cast<size_t>(in_bytes));
      else
        kernels(i)->prepare(x.row(t), D, 0, D, to.row(place[i]));
    }
  };
  for_each_row(T, D, [&](int64_t t) {
    prepare(gate_in, &Expert::gate, t);
    if (gates_differ) prepare(up_in, &Expert::up, t);
  });

  std::vector<Piece> pieces;
  for (const Chosen& c : chosen) {
    const int64_t I = c.expert->gate.out_features();
    const int64_t grain = panel_piece(panels_of(c.expert->gate)->panel_bytes, I, threads_->size());
    for (int64_t i = 0; i < I; i += grain) pieces.push_back({&c, i, std::min(i + grain, I)});
  }
  threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t at, int64_t) {
    const auto& [c, begin, end] = pieces[static_cast<size_t>(at)];
    const Expert& e = *c->expert;
    const int64_t width = end - begin;
    const Scratch::Buffer gate = scratch_.take(c->rows * width), up = scratch_.take(c->rows * width);
    panel_kernels(e.gate).dot(*panels_of(e.gate), begin, end, gate_in.from(c->first), c->rows, gate.data(), width);
    panel_kernels(e.up).dot(*panels_of(e.up), begin, end, (gates_differ ? up_in : gate_in).from(c->first), c->rows,
                            up.data(), width);
    for (int64_t r = 0; r < c->rows; ++r) {
      float* h = gate.data() + r * width;
      kernels_.swiglu(h, h, up.data() + r * width, e.swiglu_limit, width);
      panel_kernels(e.down).prepare(h, e.down.in_features(), begin, end, hidden.row(c->first + r));
    }
  });

  const auto down = [&](const Chosen& c, int64_t begin, int64_t end, float* to, int64_t stride) {
    const Weight& w = c.expert->down;
    panel_kernels(w).dot(*panels_of(w), begin, end, hidden.from(c.first), c.rows, to + c.first * stride, stride);
  };
  /// y[t, begin..end) of the experts' outputs `out`, choices x stride.
  const auto sum = [&](int64_t t, int64_t begin, int64_t end, const float* out, int64_t stride) {
    float* to = y.row(t) + begin;
    std::fill_n(to, end - begin, 0.f);
    for (int64_t i = 0; i < k; ++i)
      kernels_.blend(to, 1, out + grouping.place[t * k + i] * stride, weights.row(t)[i], end - begin);
  };
  const int64_t grain = panel_piece(panels_of(chosen.front().expert->down)->panel_bytes, D, threads_->size());
  if (choices <= kFewChoices) {  // a piece is some channels of all experts, which are added up at once
    threads_->parallel_for(D, grain, [&](int64_t begin, int64_t end) {
      const Scratch::Buffer out = scratch_.take(choices * (end - begin));
      for (const Chosen& c : chosen) down(c, begin, end, out.data(), end - begin);
      for (int64_t t = 0; t < T; ++t) sum(t, begin, end, out.data(), end - begin);
    });
    return;
  }
  const Scratch::Buffer out = scratch_.take(choices * D);
  const int64_t per_expert = (D + grain - 1) / grain;
  threads_->parallel_for(static_cast<int64_t>(chosen.size()) * per_expert, 1, [&](int64_t piece, int64_t) {
    const int64_t begin = piece % per_expert * grain, end = std::min(begin + grain, D);
    down(chosen[static_cast<size_t>(piece / per_expert)], begin, end, out.data() + begin, D);
  });
  for_each_row(T, D, [&](int64_t t) { sum(t, 0, D, out.data(), D); });
}

}  // namespace dure

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/attention_shape.h"

namespace dure {

using namespace heuristics;

namespace {

/// The gradients of one sequence and group of heads. Parts that groups share are added up afterwards.
struct Unit {
  int sequence;
  int64_t group;
  Scratch::Buffer dkeys, dvalues;  // [L, Dk] [L, Dv]
};

struct BackwardCall : AttentionShape {
  const cpu::Kernels& kernels;
  Scratch& scratch;
  View dq;         // [T, H, Dk]
  ConstView dout;  // [T, H, Dv]
  float scale;

  int64_t length(int sequence) const { return rows.starts[sequence + 1] - rows.starts[sequence]; }
  int64_t row_of(const Unit& u, int64_t i) const {  // query i of the unit: its row of [T, H]
    return (rows.starts[u.sequence] + i / group_heads()) * heads() + u.group * group_heads() + i % group_heads();
  }
  template <class V>
  void gather(const Unit& u, int64_t begin, int64_t count, const V& from, float* to) const {
    const int64_t width = from.columns();
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(to + i * width, from.row(row_of(u, begin + i)), static_cast<size_t>(width) * sizeof(float));
  }

  /// dV_j += p_j dO;  dP_j = dO . V_j;  dS_j = p_j (dP_j - sum_i p_i dP_i) scale;  dQ = sum_j dS_j K_j;  dK_j += dS_j Q
  void run(Unit& u) const {
    const int64_t L = length(u.sequence), G = group_heads(), step = std::max<int64_t>(kQueries / G, 1) * G;
    u.dkeys = scratch.take(L * Dk());
    u.dvalues = scratch.take(L * Dv);
    std::fill_n(u.dkeys.data(), L * Dk(), 0.f);
    std::fill_n(u.dvalues.data(), L * Dv, 0.f);
    const Scratch::Buffer keys = scratch.take(L * Dk()), values = scratch.take(L * Dv);
    AttentionShape::keys(kernels, u.sequence, u.group, 0, L, keys.data());
    AttentionShape::values(kernels, u.sequence, u.group, 0, L, values.data());
    const Scratch::Buffer p = scratch.take(step * L), ds = scratch.take(step * L);  // [M, L]
    const Scratch::Buffer queries = scratch.take(step * Dk()), douts = scratch.take(step * Dv),
                          dqs = scratch.take(step * Dk());

    for (int64_t first = 0; first < L * G; first += step) {
      const int64_t M = std::min(step, L * G - first), seen = (first + M) / G;
      gather(u, first, M, q, queries.data());
      gather(u, first, M, dout, douts.data());
      kernels.dot({p.data(), L}, {queries.data(), Dk()}, {keys.data(), Dk()}, M, seen, Dk());
      kernels.dot({ds.data(), L}, {douts.data(), Dv}, {values.data(), Dv}, M, seen, Dv);
      for (int64_t m = 0; m < M; ++m) {
        float *pm = p.data() + m * L, *dm = ds.data() + m * L;
        const int64_t visible = (first + m) / G + 1;
        float max;
        const float sum = kernels.softmax(pm, scale, visible, &max);
        kernels.scale(pm, pm, 1 / sum, visible);
        kernels.softmax_backward(dm, pm, scale, visible);
        std::fill(pm + visible, pm + seen, 0.f);
        std::fill(dm + visible, dm + seen, 0.f);
      }
      std::fill_n(dqs.data(), M * Dk(), 0.f);
      kernels.outer({dqs.data(), Dk()}, {ds.data(), L}, 1, {keys.data(), Dk()}, M, Dk(), seen);
      kernels.outer({u.dkeys.data(), Dk()}, {ds.data(), 1}, L, {queries.data(), Dk()}, seen, Dk(), M);
      kernels.outer({u.dvalues.data(), Dv}, {p.data(), 1}, L, {douts.data(), Dv}, seen, Dv, M);
      for (int64_t m = 0; m < M; ++m)
        std::memcpy(dq.row(row_of(u, first + m)), dqs.data() + m * Dk(), static_cast<size_t>(Dk()) * sizeof(float));
    }
  }
};

}  // namespace

void CpuBackend::attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                                    const KvSource& kv, const Ragged& rows, float scale) {
  if (kv.block_size != 0) return ReferenceBackend::attention_backward(dq, dkey, dvalue, dout, q, kv, rows, scale);
  const BackwardCall call{{q, dout.columns(), kv, rows}, kernels_, scratch_, dq, dout, scale};
  const int64_t groups = call.groups();
  std::vector<Unit> units;
  for (int s = 0; s < rows.sequences(); ++s)
    for (int64_t g = 0; g < groups; ++g) units.push_back({s, g, {}, {}});
  threads_->parallel_for(static_cast<int64_t>(units.size()), 1,
                         [&](int64_t i, int64_t) { call.run(units[static_cast<size_t>(i)]); });

  // A part with fewer heads than there are groups gets all its groups' gradients, in their order.
  threads_->parallel_for(rows.sequences(), 1, [&](int64_t s, int64_t) {
    const int64_t first_row = rows.starts[static_cast<size_t>(s)];
    for (int64_t g = 0; g < groups; ++g) {
      const Unit& u = units[static_cast<size_t>(s * groups + g)];
      const auto add = [&](const View& to, const float* from, int64_t stride) {
        const int64_t head = g * to.dim(1) / groups;
        for (int64_t j = 0; j < call.length(u.sequence); ++j) {
          float* line = to.row((first_row + j) * to.dim(1) + head);
          kernels_.add(line, line, from + j * stride, to.columns());
        }
      };
      add(dkey[0], u.dkeys.data(), call.Dk());
      if (!kv.key[1].empty()) add(dkey[1], u.dkeys.data() + dkey[0].columns(), call.Dk());
      add(dvalue, u.dvalues.data(), call.Dv);
    }
  });
}

}  // namespace dure

#include <algorithm>
#include <vector>

#include "backend/cpu/attention_shape.h"

namespace dure {

using namespace heuristics;

namespace {

/// Rows [begin, end) of one sequence, scored together, and where their scores begin.
struct Piece {
  int sequence;
  int64_t begin, end, visible;  // visible: by the last of them
  int64_t first;                // row of scores
};

}  // namespace

void CpuBackend::select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv, const Ragged& rows) {
  const int64_t H = q.dim(1), D = q.columns(), step = std::max<int64_t>(kIndexRows / H, 1);
  std::vector<Piece> pieces;
  int64_t longest = 1;
  for (int s = 0; s < rows.sequences(); ++s)
    for (int64_t t = rows.starts[s]; t < rows.starts[s + 1]; t += step) {
      const int64_t end = std::min<int64_t>(t + step, rows.starts[s + 1]);
      pieces.push_back({s, t, end, visible_positions(kv, rows, s, end - 1), 0});
      longest = std::max(longest, pieces.back().visible);
    }

  // scores[j] = sum_h w_h max(q_h . key_j, 0) of a piece's rows at positions [begin, begin + count)
  const auto score = [&](const Piece& p, int64_t begin, int64_t count, float* scores) {
    const int64_t M = (p.end - p.begin) * H;
    const Scratch::Buffer keys = scratch_.take(count * D), dots = scratch_.take(M * count);  // [count, D] [M, count]
    Lines(kv.key[0], kv, rows, p.sequence).widen(kernels_, begin, begin + count, 0, {keys.data(), D});
    kernels_.dot({dots.data(), count}, {q.row(p.begin * H), D}, {keys.data(), D}, M, count, D);
    for (int64_t t = p.begin; t < p.end; ++t) {
      float* out = scores + (p.first + t - p.begin) * longest + begin;
      std::fill_n(out, count, 0.f);
      for (int64_t h = 0; h < H; ++h) {
        const float w = weights.row(t)[h];
        const float* dot = dots.data() + ((t - p.begin) * H + h) * count;
        for (int64_t j = 0; j < count; ++j) out[j] += w * std::max(dot[j], 0.f);
      }
    }
  };

  for (size_t next = 0; next < pieces.size();) {  // as many pieces as there is room for scores
    struct Unit {
      size_t piece;
      int64_t begin;
    };
    std::vector<Unit> units;
    const size_t first = next;
    int64_t used = 0;
    do {
      pieces[next].first = used;
      used += pieces[next].end - pieces[next].begin;
      for (int64_t begin = 0; begin < pieces[next].visible; begin += kIndexLines) units.push_back({next, begin});
    } while (++next < pieces.size() && (used + step) * longest <= kIndexScores);

    const Scratch::Buffer scores = scratch_.take(used * longest);  // [used, longest]
    threads_->parallel_for(static_cast<int64_t>(units.size()), 1, [&](int64_t i, int64_t) {
      const Unit& u = units[static_cast<size_t>(i)];
      const Piece& p = pieces[u.piece];
      score(p, u.begin, std::min(kIndexLines, p.visible - u.begin), scores.data());
    });
    threads_->parallel_for(static_cast<int64_t>(next - first), 1, [&](int64_t i, int64_t) {
      const Piece& p = pieces[first + static_cast<size_t>(i)];
      for (int64_t t = p.begin; t < p.end; ++t)
        best_positions(scores.data() + (p.first + t - p.begin) * longest, visible_positions(kv, rows, p.sequence, t),
                       ids.row<int32_t>(t), ids.columns());
    });
  }
}

}  // namespace dure

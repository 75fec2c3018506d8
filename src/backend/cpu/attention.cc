#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/cpu/attention_shape.h"

namespace dure {

using namespace heuristics;

namespace {

/// The softmax is taken over tiles of this many positions, counted from position 0, and merged tile by tile. It is part
/// of the arithmetic: a query's result depends on it, but not on how tiles and queries are dealt out.
constexpr int64_t kTileLines = 512;

/// Queries that read the same keys: rows [begin, end) of one sequence, and the heads of one group.
struct Piece {
  int sequence;
  int64_t begin, end, group;
};

/// What attention to some positions leaves of each query: the largest score, sum of exp(score - largest), and the
/// values weighted by it.
struct Partial {
  float *max, *sum;  // [M]
  float* out;        // [M, Dv]
};

/// One call of attention(), and the work on one piece.
struct AttentionCall : AttentionShape {
  const cpu::Kernels& kernels;
  Scratch& scratch;
  View o;  // [T, H, Dv]
  float scale;

  int64_t queries(const Piece& p) const { return (p.end - p.begin) * group_heads(); }
  int64_t visible(const Piece& p, int64_t t) const { return AttentionShape::visible(p.sequence, t); }
  int64_t visible(const Piece& p) const {
    int64_t most = 0;
    for (int64_t t = p.begin; t < p.end; ++t) most = std::max(most, visible(p, t));
    return most;
  }
  int64_t tiles(const Piece& p) const { return (visible(p) + kTileLines - 1) / kTileLines; }
  int64_t partial_floats(const Piece& p) const { return queries(p) * (Dv + 2); }
  Partial partial(const Piece& p, float* memory) const {
    return {memory, memory + queries(p), memory + 2 * queries(p)};
  }

  std::vector<Piece> pieces() const {
    const int64_t step = std::max<int64_t>(kQueries / group_heads(), 1);
    std::vector<Piece> all;
    for (int s = 0; s < rows.sequences(); ++s)
      for (int64_t t = rows.starts[s]; t < rows.starts[s + 1]; t += step)
        for (int64_t g = 0; g < groups(); ++g)
          all.push_back({s, t, std::min<int64_t>(t + step, rows.starts[s + 1]), g});
    return all;
  }

  /// scores[m, j - begin] = q[m] . key[j]
  void score(const Piece& p, int64_t begin, int64_t end, const float* queries_in, float* scores) const {
    const Scratch::Buffer keys = scratch.take(kPanelLines * Dk());
    for (int64_t j = begin; j < end; j += kPanelLines) {
      const int64_t last = std::min(j + kPanelLines, end);
      AttentionShape::keys(kernels, p.sequence, p.group, j, last, keys.data());
      kernels.dot({scores + (j - begin), kTileLines}, {queries_in, Dk()}, {keys.data(), Dk()}, queries(p), last - j,
                  Dk());
    }
  }

  /// out[m] += sum over j of scores[m, j - begin] value[j], each query up to the last position that it may see.
  void weigh(const Piece& p, int64_t begin, int64_t end, const float* scores, float* out) const {
    const Scratch::Buffer values = scratch.take(kPanelLines * Dv);
    const int64_t G = group_heads();
    for (int64_t j = begin; j < end; j += kPanelLines) {
      const int64_t last = std::min(j + kPanelLines, end);
      AttentionShape::values(kernels, p.sequence, p.group, j, last, values.data());
      for (int64_t t = p.begin; t < p.end;) {
        const int64_t seen = std::min(last, visible(p, t)) - j, from = t;
        while (++t < p.end && std::min(last, visible(p, t)) - j == seen) continue;
        if (seen <= 0) continue;
        kernels.outer({out + (from - p.begin) * G * Dv, Dv},
                      {scores + (from - p.begin) * G * kTileLines + (j - begin), kTileLines}, 1, {values.data(), Dv},
                      (t - from) * G, Dv, seen);
      }
    }
  }

  /// One tile's contribution to every query of the piece.
  void attend(const Piece& p, int64_t tile, const float* queries_in, Partial result) const {
    const int64_t begin = tile * kTileLines, end = std::min(begin + kTileLines, visible(p)), M = queries(p);
    const Scratch::Buffer scores = scratch.take(M * kTileLines);
    score(p, begin, end, queries_in, scores.data());
    for (int64_t m = 0; m < M; ++m) {
      const int64_t seen = std::min(end, visible(p, p.begin + m / group_heads())) - begin;
      result.max[m] = -std::numeric_limits<float>::infinity();
      result.sum[m] = 0;
      if (seen > 0) result.sum[m] = kernels.softmax(scores.data() + m * kTileLines, scale, seen, &result.max[m]);
    }
    std::fill_n(result.out, M * Dv, 0.f);
    weigh(p, begin, end, scores.data(), result.out);
  }

  /// Adds a later tile to what was found so far.
  void merge(const Piece& p, Partial total, Partial tile) const {
    for (int64_t m = 0; m < queries(p); ++m) {
      if (tile.sum[m] == 0) continue;
      const float max = std::max(total.max[m], tile.max[m]);
      const float a = std::exp(total.max[m] - max), b = std::exp(tile.max[m] - max);
      kernels.blend(total.out + m * Dv, a, tile.out + m * Dv, b, Dv);
      total.sum[m] = total.sum[m] * a + tile.sum[m] * b;
      total.max[m] = max;
    }
  }

  Scratch::Buffer gather(const Piece& p) const {  // [M, Dk]
    Scratch::Buffer buffer = scratch.take(queries(p) * Dk());
    for (int64_t m = 0; m < queries(p); ++m) {
      const int64_t t = p.begin + m / group_heads(), h = p.group * group_heads() + m % group_heads();
      std::memcpy(buffer.data() + m * Dk(), q.row(t * heads() + h), static_cast<size_t>(Dk()) * sizeof(float));
    }
    return buffer;
  }
  void write(const Piece& p, Partial total) const {
    for (int64_t m = 0; m < queries(p); ++m) {
      const int64_t t = p.begin + m / group_heads(), h = p.group * group_heads() + m % group_heads();
      kernels.scale(o.row(t * heads() + h), total.out + m * Dv, 1 / total.sum[m], Dv);
    }
  }
};

}  // namespace

void CpuBackend::attention(View o, ConstView q, const KvSource& kv, const Ragged& rows, float scale) {
  const AttentionCall call{{q, o.columns(), kv, rows}, kernels_, scratch_, o, scale};
  const std::vector<Piece> pieces = call.pieces();

  if (static_cast<int64_t>(pieces.size()) >= kFewPieces) {
    threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t i, int64_t) {
      const Piece& p = pieces[static_cast<size_t>(i)];
      const Scratch::Buffer queries = call.gather(p), memory = scratch_.take(2 * call.partial_floats(p));
      const Partial total = call.partial(p, memory.data());
      const Partial tile = call.partial(p, memory.data() + call.partial_floats(p));
      call.attend(p, 0, queries.data(), total);
      for (int64_t n = 1; n < call.tiles(p); ++n) {
        call.attend(p, n, queries.data(), tile);
        call.merge(p, total, tile);
      }
      call.write(p, total);
    });
    return;
  }

  // Few queries: threads share the tiles of each piece, which are merged in the same order afterwards.
  struct Unit {
    size_t piece;
    int64_t tile;
    int64_t offset;  // of its partial result
  };
  std::vector<Unit> units;
  std::vector<size_t> first;  // [pieces] its first unit
  int64_t floats = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    first.push_back(units.size());
    for (int64_t n = 0; n < call.tiles(pieces[i]); ++n, floats += call.partial_floats(pieces[i]))
      units.push_back({i, n, floats});
  }
  const Scratch::Buffer memory = scratch_.take(floats);
  const auto partial = [&](const Unit& u) { return call.partial(pieces[u.piece], memory.data() + u.offset); };
  threads_->parallel_for(static_cast<int64_t>(units.size()), 1, [&](int64_t i, int64_t) {
    const Unit& u = units[static_cast<size_t>(i)];
    const Scratch::Buffer queries = call.gather(pieces[u.piece]);
    call.attend(pieces[u.piece], u.tile, queries.data(), partial(u));
  });
  threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t i, int64_t) {
    const Piece& p = pieces[static_cast<size_t>(i)];
    const Unit* unit = &units[first[static_cast<size_t>(i)]];
    for (int64_t n = 1; n < call.tiles(p); ++n) call.merge(p, partial(unit[0]), partial(unit[n]));
    call.write(p, partial(unit[0]));
  });
}

}  // namespace dure

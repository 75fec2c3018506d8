#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/cpu/cpu_backend.h"

namespace dure {

using namespace heuristics;

namespace {

/// The softmax is taken over tiles of this many positions, counted from position 0, and merged tile by tile. It is part
/// of the arithmetic: a query's result depends on it, but not on how tiles and queries are dealt out.
constexpr int64_t kTileLines = 512;

/// One part of the keys or the values of one sequence.
class Lines {
 public:
  Lines(const ConstView& part, const KvSource& kv, const Ragged& rows, int sequence)
      : part_(part), block_size_(kv.block_size), first_row_(rows.starts[sequence]) {
    if (block_size_ > 0) pages_ = kv.block_table.row<int>(sequence);
  }

  bool empty() const { return part_.empty(); }
  int64_t width() const { return part_.columns(); }
  int64_t heads() const { return part_.dim(-2); }

  /// out[j - begin] = line of position j and the head, as float32, for j in [begin, end).
  void widen(const cpu::Kernels& kernels, int64_t begin, int64_t end, int64_t head, cpu::Rows out) const {
    const DTypeInfo& type = info(part_.dtype);
    const cpu::FormatKernels& format = *kernels.formats[format_of(part_.dtype)];
    const int line =
        part_.shape.rank() - 3;  // the dimension of lines: [R, heads, width] or [pages, lines, heads, width]
    while (begin < end) {
      int64_t last = end, offset = head * part_.strides[line + 1];
      if (block_size_ == 0) {
        offset += (first_row_ + begin) * part_.strides[line];
      } else {
        last = std::min(end, (begin / block_size_ + 1) * block_size_);
        offset += pages_[begin / block_size_] * part_.strides[0] + begin % block_size_ * part_.strides[line];
      }
      const cpu::WeightRows rows = {static_cast<const uint8_t*>(part_.data) + offset * type.block_bytes,
                                    part_.strides[line] * type.block_bytes, width()};
      format.unpack(rows, 0, last - begin, 0, width(), out);
      out.data += (last - begin) * out.stride;
      begin = last;
    }
  }

 private:
  const ConstView& part_;
  int64_t block_size_, first_row_;
  const int* pages_ = nullptr;
};

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

/// One call of attention(): its shapes, and the work on one piece.
struct AttentionCall {
  const cpu::Kernels& kernels;
  Scratch& scratch;
  View o;       // [T, H, Dv]
  ConstView q;  // [T, H, Dk]
  const KvSource& kv;
  const Ragged& rows;
  float scale;

  int64_t heads() const { return q.dim(1); }
  int64_t Dk() const { return q.columns(); }
  int64_t Dv() const { return o.columns(); }
  /// Groups of heads that share their keys and values in every part.
  int64_t groups() const {
    int64_t most = kv.value.dim(-2);
    for (const ConstView& part : kv.key)
      if (!part.empty()) most = std::max(most, part.dim(-2));
    return most;
  }
  int64_t group_heads() const { return heads() / groups(); }
  int64_t queries(const Piece& p) const { return (p.end - p.begin) * group_heads(); }
  int64_t visible(const Piece& p, int64_t t) const {
    return kv.block_size == 0 ? t - rows.starts[p.sequence] + 1 : rows.positions[t] + 1;
  }
  int64_t visible(const Piece& p) const {
    int64_t most = 0;
    for (int64_t t = p.begin; t < p.end; ++t) most = std::max(most, visible(p, t));
    return most;
  }
  int64_t tiles(const Piece& p) const { return (visible(p) + kTileLines - 1) / kTileLines; }
  int64_t partial_floats(const Piece& p) const { return queries(p) * (Dv() + 2); }
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
      int64_t channel = 0;
      for (const ConstView& part : kv.key) {
        if (part.empty()) continue;
        const Lines lines(part, kv, rows, p.sequence);
        lines.widen(kernels, j, last, p.group * lines.heads() / groups(), {keys.data() + channel, Dk()});
        channel += lines.width();
      }
      kernels.dot({scores + (j - begin), kTileLines}, {queries_in, Dk()}, {keys.data(), Dk()}, queries(p), last - j,
                  Dk());
    }
  }

  /// out[m] += sum over j of scores[m, j - begin] value[j], each query up to the last position that it may see.
  void weigh(const Piece& p, int64_t begin, int64_t end, const float* scores, float* out) const {
    const Scratch::Buffer values = scratch.take(kPanelLines * Dv());
    const Lines lines(kv.value, kv, rows, p.sequence);
    const int64_t G = group_heads();
    for (int64_t j = begin; j < end; j += kPanelLines) {
      const int64_t last = std::min(j + kPanelLines, end);
      lines.widen(kernels, j, last, p.group * lines.heads() / groups(), {values.data(), Dv()});
      for (int64_t t = p.begin; t < p.end;) {
        const int64_t seen = std::min(last, visible(p, t)) - j, from = t;
        while (++t < p.end && std::min(last, visible(p, t)) - j == seen) continue;
        if (seen <= 0) continue;
        kernels.outer({out + (from - p.begin) * G * Dv(), Dv()},
                      {scores + (from - p.begin) * G * kTileLines + (j - begin), kTileLines}, 1, {values.data(), Dv()},
                      (t - from) * G, Dv(), seen);
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
    std::fill_n(result.out, M * Dv(), 0.f);
    weigh(p, begin, end, scores.data(), result.out);
  }

  /// Adds a later tile to what was found so far.
  void merge(const Piece& p, Partial total, Partial tile) const {
    for (int64_t m = 0; m < queries(p); ++m) {
      if (tile.sum[m] == 0) continue;
      const float max = std::max(total.max[m], tile.max[m]);
      const float a = std::exp(total.max[m] - max), b = std::exp(tile.max[m] - max);
      kernels.blend(total.out + m * Dv(), a, tile.out + m * Dv(), b, Dv());
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
      kernels.scale(o.row(t * heads() + h), total.out + m * Dv(), 1 / total.sum[m], Dv());
    }
  }
};

}  // namespace

void CpuBackend::attention(View o, ConstView q, const KvSource& kv, const Ragged& rows, float scale) {
  const AttentionCall call{kernels_, scratch_, o, q, kv, rows, scale};
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

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cpu/attention_shape.h"

namespace dure {

using namespace heuristics;

namespace {

/// The softmax of a query runs tile by tile through splits of this many positions, counted from position 0, which are
/// then merged in order. That is part of the arithmetic; how splits and queries are dealt out to threads is not.
constexpr int64_t kSplit = 512;
static_assert(kSplit % cpu::kTileLines == 0);

/// Queries that read the same keys: rows [begin, end) of one sequence, and the heads of one group.
struct Piece {
  int sequence;
  int64_t begin, end, group;
};

/// What attention to some positions leaves of each query: see cpu::AttentionTile.
struct Partial {
  float *max, *sum;  // [packs, 16]
  float* out;        // [M, Dv]
};

/// One call of attention(), and the work on one piece of M queries in packs of 16.
struct AttentionCall : AttentionShape {
  const cpu::Kernels& kernels;
  const cpu::AttentionKernels& arithmetic;
  Scratch& scratch;
  View o, lse;  // [T, H, Dv] [T, H]
  float scale;

  int64_t queries(const Piece& p) const { return (p.end - p.begin) * group_heads(); }
  int64_t packs(const Piece& p) const { return (queries(p) + cpu::kQueryLanes - 1) / cpu::kQueryLanes; }
  int64_t pack_floats() const { return steps(Dk()) * cpu::kQueryLanes; }
  int64_t steps(int64_t channels) const { return channels * arithmetic.number_bytes / 4; }
  /// Row of [T, H] of the piece's m-th query.
  int64_t row_of(const Piece& p, int64_t m) const {
    return (p.begin + m / group_heads()) * heads() + p.group * group_heads() + m % group_heads();
  }
  int64_t visible(const Piece& p, int64_t m) const {
    return AttentionShape::visible(p.sequence, p.begin + m / group_heads());
  }
  int64_t visible(const Piece& p) const {
    int64_t most = 0;
    for (int64_t m = 0; m < queries(p); m += group_heads()) most = std::max(most, visible(p, m));
    return most;
  }
  int64_t splits(const Piece& p) const { return std::max<int64_t>((visible(p) + kSplit - 1) / kSplit, 1); }
  int64_t partial_floats(const Piece& p) const { return 2 * packs(p) * cpu::kQueryLanes + queries(p) * Dv; }
  Partial partial(const Piece& p, float* memory) const {
    const int64_t lanes = packs(p) * cpu::kQueryLanes;
    return {memory, memory + lanes, memory + 2 * lanes};
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

  Scratch::Buffer packed(const Piece& p) const {  // [packs, steps, 16]
    Scratch::Buffer buffer = scratch.take(packs(p) * pack_floats());
    for (int64_t pack = 0; pack < packs(p); ++pack) {
      const float* lanes[cpu::kQueryLanes];
      for (int64_t lane = 0; lane < cpu::kQueryLanes; ++lane)  // empty ones repeat the last query
        lanes[lane] = q.row(row_of(p, std::min(pack * cpu::kQueryLanes + lane, queries(p) - 1)));
      arithmetic.pack(buffer.data() + pack * pack_floats(), lanes, Dk(), scale);
    }
    return buffer;
  }

  /// One split's contribution to every query of the piece.
  void attend(const Piece& p, int64_t split, const float* queries_in, Partial result) const {
    const int64_t M = queries(p), end = std::min((split + 1) * kSplit, visible(p));
    std::fill_n(result.max, packs(p) * cpu::kQueryLanes, cpu::kNothingSeen);
    std::fill_n(result.sum, packs(p) * cpu::kQueryLanes, 0.f);
    std::fill_n(result.out, M * Dv, 0.f);
    const TileReader read(*this, kernels, arithmetic, scratch, p.sequence, p.group);
    cpu::AttentionTile tile;
    for (int64_t begin = split * kSplit; begin < end; begin += cpu::kTileLines) {
      tile.lines = std::min<int64_t>(end - begin, cpu::kTileLines);
      read(begin, begin + tile.lines, end, &tile);
      for (int64_t pack = 0; pack < packs(p); ++pack) {
        const int64_t first = pack * cpu::kQueryLanes;
        tile.queries_used = std::min<int64_t>(M - first, cpu::kQueryLanes);
        int64_t seen = 0;
        for (int64_t lane = 0; lane < cpu::kQueryLanes; ++lane) {
          const int64_t m = first + std::min(lane, tile.queries_used - 1);
          tile.seen[lane] = static_cast<int32_t>(std::clamp<int64_t>(visible(p, m) - begin, 0, tile.lines));
          seen = std::max<int64_t>(seen, tile.seen[lane]);
        }
        if (seen == 0) continue;
        tile.queries = queries_in + pack * pack_floats();
        tile.max = result.max + first;
        tile.sum = result.sum + first;
        tile.out = result.out + first * Dv;
        arithmetic.attend(tile);
      }
    }
  }

  /// Adds a later split to what was found so far.
  void merge(const Piece& p, Partial total, Partial split) const {
    for (int64_t m = 0; m < queries(p); ++m) {
      if (split.sum[m] == 0) continue;
      const float max = std::max(total.max[m], split.max[m]);
      const float a = std::exp(total.max[m] - max), b = std::exp(split.max[m] - max);
      kernels.blend(total.out + m * Dv, a, split.out + m * Dv, b, Dv);
      total.sum[m] = total.sum[m] * a + split.sum[m] * b;
      total.max[m] = max;
    }
  }

  void write(const Piece& p, Partial total) const {
    for (int64_t m = 0; m < queries(p); ++m) {
      const bool nothing = visible(p, m) == 0;
      kernels.scale(o.row(row_of(p, m)), total.out + m * Dv, nothing ? 0 : 1 / total.sum[m], Dv);
      if (!lse.empty())
        static_cast<float*>(lse.data)[row_of(p, m)] =
            nothing ? -std::numeric_limits<float>::infinity() : total.max[m] + std::log(total.sum[m]);
    }
  }
};

}  // namespace

const cpu::AttentionKernels& CpuBackend::attention_arithmetic(const KvSource& kv) const {
  bool pairs = compute_ != Compute::f32 && kernels_.attention_bf16 != nullptr;
  for (const ConstView& part : kv.key) pairs = pairs && (part.empty() || part.columns() % 2 == 0);
  return pairs ? *kernels_.attention_bf16 : *kernels_.attention;
}

void CpuBackend::attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) {
  const AttentionCall call{{q, o.columns(), kv, rows}, kernels_, attention_arithmetic(kv), scratch_, o, lse, scale};
  const std::vector<Piece> pieces = call.pieces();

  if (static_cast<int64_t>(pieces.size()) >= kPiecesPerThread * threads_->size()) {
    threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t i, int64_t) {
      const Piece& p = pieces[pieces.size() - 1 - static_cast<size_t>(i)];  // a sequence's last rows take longest
      const Scratch::Buffer queries = call.packed(p), memory = scratch_.take(2 * call.partial_floats(p));
      const Partial total = call.partial(p, memory.data());
      const Partial split = call.partial(p, memory.data() + call.partial_floats(p));
      call.attend(p, 0, queries.data(), total);
      for (int64_t n = 1; n < call.splits(p); ++n) {
        call.attend(p, n, queries.data(), split);
        call.merge(p, total, split);
      }
      call.write(p, total);
    });
    return;
  }

  // Few queries: threads share the splits of each piece, which are merged in the same order afterwards.
  struct Unit {
    size_t piece;
    int64_t split;
    int64_t offset;  // of its partial result
  };
  std::vector<Unit> units;
  std::vector<size_t> first;  // [pieces] its first unit
  int64_t floats = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    first.push_back(units.size());
    for (int64_t n = 0; n < call.splits(pieces[i]); ++n, floats += call.partial_floats(pieces[i]))
      units.push_back({i, n, floats});
  }
  const Scratch::Buffer memory = scratch_.take(floats);
  const auto partial = [&](const Unit& u) { return call.partial(pieces[u.piece], memory.data() + u.offset); };
  threads_->parallel_for(static_cast<int64_t>(units.size()), 1, [&](int64_t i, int64_t) {
    const Unit& u = units[static_cast<size_t>(i)];
    const Scratch::Buffer queries = call.packed(pieces[u.piece]);
    call.attend(pieces[u.piece], u.split, queries.data(), partial(u));
  });
  threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t i, int64_t) {
    const Piece& p = pieces[static_cast<size_t>(i)];
    const Unit* unit = &units[first[static_cast<size_t>(i)]];
    for (int64_t n = 1; n < call.splits(p); ++n) call.merge(p, partial(unit[0]), partial(unit[n]));
    call.write(p, partial(unit[0]));
  });
}

void CpuBackend::cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) {
  const int64_t block = pages.dim(1), bytes = info(pages.dtype).block_bytes;
  const cpu::FormatKernels& format = *kernels_.formats[format_of(pages.dtype)];
  for (int s = 0; s < rows.sequences(); ++s)
    for_each_row(rows.starts[s + 1] - rows.starts[s], x.columns(), [&](int64_t i) {
      const int64_t t = rows.starts[s] + i, position = rows.positions[t];
      const int64_t offset =
          block_table.row<int>(s)[position / block] * pages.strides[0] + position % block * pages.strides[1];
      const cpu::WeightRows line = {static_cast<const uint8_t*>(pages.data) + offset * bytes, 0, x.columns()};
      format.unpack(line, 0, 1, 0, x.columns(), {x.row(t), 0});
    });
}

void CpuBackend::merge_attention(View o, View lse, ConstView other, ConstView other_lse) {
  for_each_row(o.rows(), o.columns(), [&](int64_t r) {
    const float a = static_cast<const float*>(lse.data)[r], b = static_cast<const float*>(other_lse.data)[r];
    if (b == -std::numeric_limits<float>::infinity()) return;
    static_cast<float*>(lse.data)[r] = std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
    const float share = 1 / (1 + std::exp(b - a));  // of o
    kernels_.blend(o.row(r), share, other.row(r), 1 - share, o.columns());
  });
}

}  // namespace dure

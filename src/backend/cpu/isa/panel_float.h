#pragma once

#include "backend/cpu/isa/panel.h"
#include "backend/cpu/kernels.h"

// Weights that are no integers: BF16 and F8 times activations in bfloat16, F16 times float32. Sums are float32, column
// after column; where the machine multiplies pairs of bfloat16, pair after pair.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int64_t quads(int64_t K) { return (K + cpu::kPanelQuad - 1) / cpu::kPanelQuad; }
constexpr int64_t kBlockQuads = cpu::kScaleBlock / cpu::kPanelQuad;  // that share a factor of F8

#ifdef __AVX512BF16__
constexpr bool kHasPairs = true;
#else
constexpr bool kHasPairs = false;
#endif

/// Prepared rows: float32, or bfloat16 where pairs of them are multiplied.
struct PlainRows {
  const uint8_t* data;
  int64_t stride;

  PlainRows(PanelInput x, int64_t) : data(x.data), stride(x.row_bytes) {}
  PlainRows from(int64_t row) const {
    PlainRows rows = *this;
    rows.data += row * stride;
    return rows;
  }
  DURE_INLINE float value(int64_t m, int64_t k) const { return reinterpret_cast<const float*>(data + m * stride)[k]; }
  DURE_INLINE IntVec pair(int64_t m, int64_t pair) const { return broadcast(data + m * stride + 4 * pair); }
};

/// One vector of a quad: 4 columns in float32, or 2 pairs of columns in bfloat16.
struct Columns {
  Vec of[4];
};
struct Pairs {
  IntVec of[2];
};
DURE_INLINE Columns columns_of(const Pairs& p) {
  const IntVec high = set_ints(static_cast<int32_t>(0xffff0000));
  return {{from_bits(shift_lanes_left(p.of[0], 16)), from_bits(and_ints(p.of[0], high)),
           from_bits(shift_lanes_left(p.of[1], 16)), from_bits(and_ints(p.of[1], high))}};
}

/// The elements of a format: bytes of a quad of 16 rows, what is multiplied, and how one vector of it is read.
struct BF16Elements {
  static constexpr int kQuadBytes = 128;
  static constexpr bool kPairs = true, kFactors = false;
  static DURE_INLINE Pairs pairs(const uint8_t* quad, int part) {
    const uint8_t* from = quad + part * static_cast<int>(sizeof(IntVec));
    return {{load_ints(from), load_ints(from + 64)}};
  }
};

struct F16Elements {
  static constexpr int kQuadBytes = 128;
  static constexpr bool kPairs = false, kFactors = false;
  static DURE_INLINE Columns columns(const uint8_t* quad, int part) {
    const auto* from = reinterpret_cast<const Half*>(quad) + part * kLanes;
    return {{widen(from), widen(from + 16), widen(from + 32), widen(from + 48)}};
  }
};

struct F8Elements {
  static constexpr int kQuadBytes = 64;
  static constexpr bool kPairs = true, kFactors = true;

  /// A bfloat16 has the three bits of an F8's fraction below an exponent that is 120 more, so its two bytes are looked
  /// up by the halves of the code. Codes below 8 have no leading one and are looked up whole; 127 is NaN.
  static DURE_INLINE Pairs pairs(const uint8_t* quad, int part) {
    alignas(16) static constexpr uint8_t kTop[16] = {0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43,
                                                     0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3};
    alignas(16) static constexpr uint8_t kSmallTop[16] = {0x00, 0x3b, 0x3b, 0x3b, 0x3c, 0x3c, 0x3c, 0x3c,
                                                          0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c};
    alignas(16) static constexpr uint8_t kSmallLow[16] = {0x00, 0x00, 0x80, 0xc0, 0x00, 0x20, 0x40, 0x60,
                                                          0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0};
    const IntVec code = load_ints(quad + part * static_cast<int>(sizeof(IntVec)));
    const IntVec first = and_bytes(shift_right<4>(code), 15), second = and_bytes(code, 15);
    const IntVec small = equal_bytes(and_bytes(code, 0x70), zero_ints());
    const IntVec nan = equal_bytes(and_bytes(code, 0x7f), set_bytes(0x7f));
    const IntVec sign = and_bytes(code, 0x80);
    const IntVec small_top = or_ints(look_up_bytes(broadcast16(kSmallTop), second), sign);
    IntVec top = choose_bytes(small, small_top, look_up_bytes(broadcast16(kTop), first));
    IntVec low = choose_bytes(small, look_up_bytes(broadcast16(kSmallLow), second), shift_left<4>(second));
    top = or_ints(top, and_bytes(nan, 0x7f));
    low = or_ints(low, and_bytes(nan, 0xc0));
    return {{interleave_low(low, top), interleave_high(low, top)}};
  }
};

/// What is multiplied: pairs where the machine does that, else columns.
DURE_INLINE auto operand(const Pairs& p) {
  if constexpr (kHasPairs)
    return p;
  else
    return columns_of(p);
}
template <class E>
DURE_INLINE auto operand(const uint8_t* quad, int part) {
  if constexpr (E::kPairs)
    return operand(E::pairs(quad, part));
  else
    return E::columns(quad, part);
}

template <class E>
struct FloatFormat {
  using Input = PlainRows;
  static constexpr int kStreamVecs = 4, kStreamRows = kParts == 1 ? 4 : 2, kSlabRows = kParts == 1 ? 6 : 4;

  template <int V>
  struct Packed {
    const uint8_t* panel[V];
    const float* factors[V];

    Packed() = default;
    Packed(const PanelRows& w, int64_t row) {
      for (int v = 0; v < V; ++v) {
        panel[v] = w.data + (row / cpu::kPanelRows + v / kParts) * w.panel_bytes;
        factors[v] = reinterpret_cast<const float*>(panel[v] + w.factors_at);
      }
    }
    DURE_INLINE const uint8_t* at(int v, int64_t q) const { return panel[v] + q * E::kQuadBytes; }
    DURE_INLINE auto quad(int v, int64_t q) const {
      if (v % kParts == 0) ask_for<E::kQuadBytes>(at(v, q));
      return operand<E>(at(v, q), v % kParts);
    }
    DURE_INLINE Vec factor(int v, int64_t block) const { return set(factors[v][block]); }
  };

  /// Nothing is unpacked but F8.
  template <int V>
  struct Slab {
    Packed<V> packed;
    alignas(64) uint8_t pairs[E::kFactors ? kSlabColumns / 4 : 1][2][V][sizeof(IntVec)];

    void open(const Packed<V>& from, int64_t column, int64_t end) {
      packed = from;
      if constexpr (E::kFactors) {
        for (int64_t q = column / 4; q < quads(end); ++q)
          for (int v = 0; v < V; ++v) {
            const Pairs p = E::pairs(from.at(v, q), v % kParts);
            store_ints(pairs[q % (kSlabColumns / 4)][0][v], p.of[0]);
            store_ints(pairs[q % (kSlabColumns / 4)][1][v], p.of[1]);
          }
      }
    }
    DURE_INLINE auto quad(int v, int64_t q) const {
      if constexpr (!E::kFactors) {
        return operand<E>(packed.at(v, q), v % kParts);
      } else {
        const auto& from = pairs[q % (kSlabColumns / 4)];
        return operand(Pairs{{load_ints(from[0][v]), load_ints(from[1][v])}});
      }
    }
    DURE_INLINE Vec factor(int v, int64_t block) const { return packed.factor(v, block); }
  };

  template <class Weights, int V, int M>
  static DURE_INLINE void tile(const Weights& w, const PlainRows& x, int64_t column, int64_t end, Vec (&sum)[V][M]) {
    if constexpr (!E::kFactors) {
      add_quads(w, x, column / cpu::kPanelQuad, quads(end), sum);
    } else {
      for (int64_t q = column / cpu::kPanelQuad; q < quads(end); q += kBlockQuads) {
        Vec part[V][M];
        set_zero(part);
        add_quads(w, x, q, q + kBlockQuads < quads(end) ? q + kBlockQuads : quads(end), part);
        DURE_UNROLL
        for (int v = 0; v < V; ++v) {
          const Vec factor = w.factor(v, q / kBlockQuads);
          DURE_UNROLL
          for (int m = 0; m < M; ++m) sum[v][m] = fma(part[v][m], factor, sum[v][m]);
        }
      }
    }
  }

 private:
  template <class Weights, int V, int M>
  static DURE_INLINE void add_quads(const Weights& w, const PlainRows& x, int64_t begin, int64_t end,
                                    Vec (&sum)[V][M]) {
    for (int64_t q = begin; q < end; ++q) {
      decltype(w.quad(0, q)) quad[V];
      DURE_UNROLL
      for (int v = 0; v < V; ++v) quad[v] = w.quad(v, q);
      constexpr bool kMultiplyPairs = kHasPairs && E::kPairs;
      constexpr int kTerms = kMultiplyPairs ? 2 : 4;
      DURE_UNROLL
      for (int i = 0; i < kTerms; ++i) {
        DURE_UNROLL
        for (int m = 0; m < M; ++m) {
          if constexpr (kMultiplyPairs) {
            const IntVec xs = x.pair(m, 2 * q + i);
            DURE_UNROLL
            for (int v = 0; v < V; ++v) sum[v][m] = add_pair_products(sum[v][m], quad[v].of[i], xs);
          } else {
            const Vec xs = set(x.value(m, cpu::kPanelQuad * q + i));
            DURE_UNROLL
            for (int v = 0; v < V; ++v) sum[v][m] = fma(quad[v].of[i], xs, sum[v][m]);
          }
        }
      }
    }
  }
};

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

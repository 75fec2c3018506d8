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

// One vector of a quad: pairs of bfloat16 in registers or in memory, or columns of float16. pair() and column() take it
// apart; what lies in memory is read as it is needed, as AVX2 has few registers.
struct Pairs {
  IntVec of[2];
};
struct StoredPairs {
  const uint8_t* at;
  int64_t stride;
};
struct StoredHalves {
  const Half* at;
};
DURE_INLINE IntVec pair(const Pairs& p, int i) { return p.of[i]; }
DURE_INLINE IntVec pair(const StoredPairs& p, int i) { return load_ints(p.at + i * p.stride); }
template <class Quad>
DURE_INLINE Vec column(const Quad& q, int i) {
  const IntVec both = pair(q, i / 2);
  return from_bits(i % 2 == 0 ? shift_lanes_left(both, 16)
                              : and_ints(both, set_ints(static_cast<int32_t>(0xffff0000))));
}
DURE_INLINE Vec column(const StoredHalves& h, int i) { return widen(h.at + i * cpu::kPanelRows); }

/// The elements of a format: bytes of a quad of 16 rows, what is multiplied, and how one vector of it is read.
struct BF16Elements {
  static constexpr int kQuadBytes = 128;
  static constexpr bool kPairs = true, kFactors = false;
  static DURE_INLINE StoredPairs read(const uint8_t* quad, int part) {
    return {quad + part * static_cast<int>(sizeof(IntVec)), 64};
  }
};

struct F16Elements {
  static constexpr int kQuadBytes = 128;
  static constexpr bool kPairs = false, kFactors = false;
  static DURE_INLINE StoredHalves read(const uint8_t* quad, int part) {
    return {reinterpret_cast<const Half*>(quad) + part * kLanes};
  }
};

struct F8Elements {
  static constexpr int kQuadBytes = 64;
  static constexpr bool kPairs = true, kFactors = true;

  /// A bfloat16 has the three bits of an F8's fraction below an exponent that is 120 more, so its two bytes are looked
  /// up by the halves of the code. Codes below 8 have no leading one and are looked up whole; 127 is NaN.
  static DURE_INLINE Pairs read(const uint8_t* quad, int part) {
    alignas(16) static constexpr uint8_t kTop[16] = {0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43,
                                                     0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43};
    alignas(16) static constexpr uint8_t kSmallTop[16] = {0x00, 0x3b, 0x3b, 0x3b, 0x3c, 0x3c, 0x3c, 0x3c,
                                                          0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c, 0x3c};
    alignas(16) static constexpr uint8_t kSmallLow[16] = {0x00, 0x00, 0x80, 0xc0, 0x00, 0x20, 0x40, 0x60,
                                                          0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0};
    const IntVec code = load_ints(quad + part * static_cast<int>(sizeof(IntVec)));
    const IntVec first = and_bytes(shift_right<4>(code), 15), second = and_bytes(code, 15);
    const ByteMask small = equal_bytes(and_bytes(code, 0x70), zero_ints());
    const ByteMask nan = equal_bytes(and_bytes(code, 0x7f), set_bytes(0x7f));
    const IntVec top = choose_bytes(small, look_up_bytes(broadcast16(kSmallTop), second),
                                    choose_bytes(nan, set_bytes(0x7f), look_up_bytes(broadcast16(kTop), first)));
    const IntVec low = choose_bytes(small, look_up_bytes(broadcast16(kSmallLow), second), shift_left<4>(second));
    const IntVec signed_top = or_ints(top, and_bytes(code, 0x80));
    return {{interleave_low(low, signed_top), interleave_high(low, signed_top)}};
  }
};

template <class E>
struct FloatFormat {
  using Input = PlainRows;
  static constexpr int kStreamVecs = 4, kStreamRows = kParts == 1 ? 4 : 2;
  static constexpr int kSlabRows = kParts == 1 ? 6 : 4;

  template <int V>
  struct Packed {
    const uint8_t* panel[V];
    const float* factors[V];
    int64_t bytes, skipped;  ///< of a panel, of the panels between

    Packed() = default;
    Packed(const PanelRows& w, int64_t row) : bytes(w.panel_bytes), skipped((V / kParts - 1) * w.panel_bytes) {
      for (int v = 0; v < V; ++v) {
        panel[v] = w.data + (row / cpu::kPanelRows + v / kParts) * w.panel_bytes;
        factors[v] = reinterpret_cast<const float*>(panel[v] + w.factors_at);
      }
    }
    DURE_INLINE const uint8_t* at(int v, int64_t q) const { return panel[v] + q * E::kQuadBytes; }
    DURE_INLINE auto quad(int v, int64_t q) const {
      const int64_t next = q * E::kQuadBytes + kAhead;  // in this panel, or in the one that comes after all V
      if (v % kParts == 0)
        ask_for<E::kQuadBytes>(address(panel[v]) + static_cast<uintptr_t>(next < bytes ? next : next + skipped));
      return E::read(at(v, q), v % kParts);
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
            const Pairs p = E::read(from.at(v, q), v % kParts);
            store_ints(pairs[q % (kSlabColumns / 4)][0][v], p.of[0]);
            store_ints(pairs[q % (kSlabColumns / 4)][1][v], p.of[1]);
          }
      }
    }
    DURE_INLINE auto quad(int v, int64_t q) const {
      if constexpr (!E::kFactors) {
        return E::read(packed.at(v, q), v % kParts);
      } else {
        const auto& from = pairs[q % (kSlabColumns / 4)];
        return StoredPairs{from[0][v], V * static_cast<int64_t>(sizeof(IntVec))};
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
        // The sums wait in memory meanwhile, or g++ 12 would rather move the parts there.
        if constexpr (kParts == 1) asm("" : "+m"(sum));
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
        if constexpr (kMultiplyPairs) {
          IntVec pairs[V];
          DURE_UNROLL
          for (int v = 0; v < V; ++v) pairs[v] = pair(quad[v], i);
          DURE_UNROLL
          for (int m = 0; m < M; ++m) {
            const IntVec xs = x.pair(m, 2 * q + i);
            DURE_UNROLL
            for (int v = 0; v < V; ++v) sum[v][m] = add_pair_products(sum[v][m], pairs[v], xs);
          }
        } else {
          Vec columns[V];
          DURE_UNROLL
          for (int v = 0; v < V; ++v) columns[v] = column(quad[v], i);
          DURE_UNROLL
          for (int m = 0; m < M; ++m) {
            const Vec xs = set(x.value(m, cpu::kPanelQuad * q + i));
            DURE_UNROLL
            for (int v = 0; v < V; ++v) sum[v][m] = fma(columns[v], xs, sum[v][m]);
          }
        }
        asm volatile("" ::: "memory");  // or the compiler reads ahead until it has no registers left for sums
      }
    }
  }
};

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

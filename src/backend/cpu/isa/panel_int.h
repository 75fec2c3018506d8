#pragma once

#include "backend/cpu/isa/panel.h"
#include "tensor/quant/iq4_nl_block.h"
#include "tensor/quant/mxfp4_block.h"

// Quantised weights times activations in 8 bits: groups of 32 columns are multiplied in integers, then factors applied.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

using cpu::Codes;
using cpu::Factors;

constexpr int kSteps = cpu::kPanelGroup / 4;

/// Rows of K activations: codes int8 [K], then of each group its factor, minus the factor times the sum of its codes,
/// minus that sum, and minus the sums of its halves: float32 and int32. quantise.cc writes them.
struct Int8Rows {
  const uint8_t* data;
  int64_t stride, K;

  Int8Rows(PanelInput x, int64_t columns) : data(x.data), stride(x.row_bytes), K(columns) {}
  Int8Rows from(int64_t row) const {
    Int8Rows rows = *this;
    rows.data += row * stride;
    return rows;
  }
  DURE_INLINE const uint8_t* codes(int64_t m, int64_t g) const { return data + m * stride + g * cpu::kPanelGroup; }
  DURE_INLINE float factor(int64_t m, int64_t g) const { return floats(m)[g]; }
  DURE_INLINE float minus_scaled_sum(int64_t m, int64_t g) const { return floats(m)[K / 32 + g]; }
  DURE_INLINE const int32_t* minus_sum(int64_t m, int64_t g) const { return ints(m) + K / 32 * 2 + g; }
  DURE_INLINE const int32_t* minus_halves(int64_t m, int64_t g) const { return ints(m) + K / 32 * 3 + 2 * g; }

 private:
  DURE_INLINE const float* floats(int64_t m) const { return reinterpret_cast<const float*>(data + m * stride + K); }
  DURE_INLINE const int32_t* ints(int64_t m) const { return reinterpret_cast<const int32_t*>(data + m * stride + K); }
};

/// Codes of one vector of a group.
template <Codes kCodes>
struct PackedCodes {
  const uint8_t* group = nullptr;  ///< with the part's offset
  IntVec high[2] = {};

  PackedCodes() = default;
  DURE_INLINE explicit PackedCodes(const uint8_t* at) : group(at) {
    if constexpr (kCodes == Codes::nibbles_bit || kCodes == Codes::nibbles_two) high[0] = load_ints(at + 256);
    if constexpr (kCodes == Codes::nibbles_two) high[1] = load_ints(at + 320);
    if constexpr (kCodes == Codes::twos_bit) high[0] = load_ints(at + 128);
  }

  template <int kStep>
  DURE_INLINE IntVec step() const {
    if constexpr (kCodes == Codes::bytes) return load_ints(group + 64 * kStep);
    if constexpr (kCodes == Codes::twos) return two_bits<kStep>();
    if constexpr (kCodes == Codes::twos_bit) return or_ints(two_bits<kStep>(), moved<kStep, 2, 1>(high[0]));
    if constexpr (kCodes == Codes::nibbles) return nibbles<kStep>();
    if constexpr (kCodes == Codes::points) return look_up_bytes(points(kIQ4NLValues), nibbles<kStep>());
    if constexpr (kCodes == Codes::floats) return look_up_bytes(points(kMXFP4Values), nibbles<kStep>());
    if constexpr (kCodes == Codes::nibbles_bit) return or_ints(nibbles<kStep>(), moved<kStep, 4, 1>(high[0]));
    return or_ints(nibbles<kStep>(), moved<2 * (kStep % 4), 4, 3>(high[kStep / 4]));
  }

 private:
  template <int kStep>
  DURE_INLINE IntVec nibbles() const {
    return and_bytes(shift_right<kStep / 4 * 4>(load_ints(group + 64 * (kStep % 4))), 15);
  }
  template <int kStep>
  DURE_INLINE IntVec two_bits() const {
    return and_bytes(shift_right<2 * (kStep % 4)>(load_ints(group + 64 * (kStep / 4))), 3);
  }
  /// The bits of kMask, moved from kFrom to kTo in every byte.
  template <int kFrom, int kTo, int kMask>
  static DURE_INLINE IntVec moved(IntVec bytes) {
    constexpr int kUp = kTo > kFrom ? kTo - kFrom : 0, kDown = kFrom > kTo ? kFrom - kTo : 0;
    return and_bytes(shift_left<kUp>(shift_right<kDown>(bytes)), kMask << kTo);
  }
  static DURE_INLINE IntVec points(const int8_t* values) {  // 128 more, as all bytes
    return add_bytes(broadcast16(values), 128);
  }
};

/// How codes, factors and offset (2^kShift; -1: none) of a type of weights are multiplied.
template <Codes kCodesOf, Factors kFactorsOf, int kShiftOf>
struct IntFormat {
  static constexpr Codes kCodes = kCodesOf;
  static constexpr Factors kFactors = kFactorsOf;
  static constexpr int kShift = kShiftOf;
  static constexpr bool kBytes = kCodes == Codes::bytes || kCodes == Codes::points || kCodes == Codes::floats;
  static constexpr bool kOffset = kShift >= 0 && !(kBytes && kSignedBytes);
  static constexpr int kHalves = kFactors == Factors::scaled || kFactors == Factors::scaled_halves_min ? 2 : 1;
  static constexpr bool kMinimums =
      kFactors == Factors::plain_min || kFactors == Factors::scaled_min || kFactors == Factors::scaled_halves_min;

  /// Steps whose products may be added up in 16 bits before they are widened: each adds two, of at most 127 times the
  /// largest code. Of no use where one instruction adds four products to 32 bits.
  static constexpr int deferred_steps() {
    constexpr int kSteps16 = kBytes ? 0 : kCodes == Codes::nibbles_two ? 2 : kCodes == Codes::nibbles_bit ? 4 : 8;
    return kHasDot4 ? 0 : kSteps16 > kSteps / kHalves ? kSteps / kHalves : kSteps16;
  }

  using Input = Int8Rows;
  static constexpr int kStreamVecs = kParts, kStreamRows = kParts == 1 ? 8 : 2;
  /// As many sums as registers hold, two of each output where halves have their own.
  static constexpr int kSlabRows = kParts == 2 || kHalves == 2 ? 3 : kHasDot4 ? 6 : 4;

  template <int V>
  struct Packed;
  template <int V>
  struct Slab;

  template <class Weights, int V, int M>
  static DURE_INLINE void tile(const Weights& w, const Int8Rows& x, int64_t column, int64_t end, Vec (&sum)[V][M]) {
    constexpr int kGroups = Weights::Block::kGroups;
    for (int64_t g = column / cpu::kPanelGroup; g < end / cpu::kPanelGroup; g += kGroups) {
      const typename Weights::Block block(w, g);
      for (int i = 0; i < kGroups; ++i) add_group(block, i, x, g + i, sum);
    }
  }

 private:
  /// What the products of half h, or of the whole group, begin with: the offset of their codes.
  static DURE_INLINE IntVec start(const Int8Rows& x, int64_t m, int64_t g, int h) {
    if constexpr (!kOffset) return zero_ints();
    return shift_lanes_left(broadcast(kHalves == 2 ? x.minus_halves(m, g) + h : x.minus_sum(m, g)), kShift);
  }

  template <int kStep, int V, int M, class CodesOf>
  static DURE_INLINE void step(const CodesOf (&w)[V], const Int8Rows& x, int64_t g, IntVec (&words)[kHalves][V][M],
                               IntVec (&products)[kHalves][V][M]) {
    constexpr int kHalf = kHalves == 2 ? kStep / 4 : 0, kDeferred = deferred_steps();
    constexpr int kTurn = kHalves == 2 ? kStep % 4 : kStep % 4 * 2 + kStep / 4;  // among those that share a sum
    IntVec codes[V];
    DURE_UNROLL
    for (int v = 0; v < V; ++v) codes[v] = w[v].template step<kStep>();
    DURE_UNROLL
    for (int m = 0; m < M; ++m) {
      const IntVec four = broadcast(x.codes(m, g) + 4 * kStep);
      DURE_UNROLL
      for (int v = 0; v < V; ++v) {
        IntVec &s = products[kHalf][v][m], &t = words[kHalf][v][m];
        if constexpr (kDeferred > 0) {
          t = kTurn % kDeferred == 0 ? multiply_pairs(codes[v], four) : add_words(t, multiply_pairs(codes[v], four));
          if (kTurn == kDeferred - 1) s = start(x, m, g, kHalf);
          if (kTurn % kDeferred == kDeferred - 1) s = add_pairs(s, t);
        } else {
          if (kTurn == 0) s = start(x, m, g, kHalf);
          s = kBytes ? dot4_bytes(s, codes[v], four) : dot4(s, codes[v], four);
        }
      }
    }
  }

  template <class Block, int V, int M>
  static DURE_INLINE void add_group(const Block& block, int i, const Int8Rows& x, int64_t g, Vec (&sum)[V][M]) {
    IntVec products[kHalves][V][M], words[kHalves][V][M];
    {
      const auto codes = block.codes(i);
      step<0>(codes.of, x, g, words, products);
      step<4>(codes.of, x, g, words, products);
      step<1>(codes.of, x, g, words, products);
      step<5>(codes.of, x, g, words, products);
      step<2>(codes.of, x, g, words, products);
      step<6>(codes.of, x, g, words, products);
      step<3>(codes.of, x, g, words, products);
      step<7>(codes.of, x, g, words, products);
    }
    DURE_UNROLL
    for (int v = 0; v < V; ++v) {
      Vec factor[kHalves], minimum[kHalves];
      DURE_UNROLL
      for (int h = 0; h < kHalves; ++h) {
        factor[h] = block.factor(v, i, h);
        if constexpr (kMinimums) minimum[h] = block.minimum(v, i, h);
      }
      DURE_UNROLL
      for (int m = 0; m < M; ++m) {
        Vec t = mul(to_floats(products[0][v][m]), factor[0]);
        if constexpr (kHalves == 2) t = fma(to_floats(products[1][v][m]), factor[1], t);
        if constexpr (kHalves == 2 && kMinimums) {
          DURE_UNROLL
          for (int h = 0; h < 2; ++h) t = fma(to_floats(set_ints(x.minus_halves(m, g)[h])), minimum[h], t);
        }
        sum[v][m] = fma(t, set(x.factor(m, g)), sum[v][m]);
        if constexpr (kHalves == 1 && kMinimums) sum[v][m] = fma(minimum[0], set(x.minus_scaled_sum(m, g)), sum[v][m]);
      }
    }
  }
};

template <class T, int V>
struct Each {
  T of[V];
};

template <Codes kCodes, Factors kFactors, int kShift>
template <int V>
struct IntFormat<kCodes, kFactors, kShift>::Packed {
  const uint8_t *codes[V], *factors[V];
  int64_t ahead;  ///< where what comes after these panels lies

  Packed(const PanelRows& w, int64_t row) : ahead(V == kParts ? kAhead : V / kParts * w.panel_bytes) {
    for (int v = 0; v < V; ++v) {
      const uint8_t* panel = w.data + (row / cpu::kPanelRows + v / kParts) * w.panel_bytes;
      codes[v] = panel + v % kParts * static_cast<int>(sizeof(IntVec));
      factors[v] = panel + w.factors_at;
    }
  }

  /// The groups that share their factors.
  struct Block {
    static constexpr int kGroups = factor_groups(kFactors);
    static constexpr int kShare = code_bytes(kCodes) + factor_bytes(kFactors) / kGroups;  // of the panel
    const uint8_t *group[V], *scales[V];
    uintptr_t next[V];
    Vec d[V], dmin[V];

    DURE_INLINE Block(const Packed& w, int64_t g) {
      DURE_UNROLL
      for (int v = 0; v < V; ++v) {
        const uint8_t* from = w.factors[v] + g / kGroups * factor_bytes(kFactors);
        const int part = v % kParts * kLanes;
        group[v] = w.codes[v] + g * code_bytes(kCodes);
        next[v] = address(w.codes[v]) + static_cast<uintptr_t>(g * kShare + w.ahead);
        if constexpr (kFactors == Factors::plain_bf16)
          d[v] = widen(reinterpret_cast<const BFloat*>(from) + part);
        else
          d[v] = widen(reinterpret_cast<const Half*>(from) + part);
        if constexpr (kMinimums) dmin[v] = widen(reinterpret_cast<const Half*>(from + 32) + part);
        scales[v] = from + (kMinimums ? 64 : 32) + part;
      }
    }
    DURE_INLINE Each<PackedCodes<kCodes>, V> codes(int i) const {
      Each<PackedCodes<kCodes>, V> all;
      DURE_UNROLL
      for (int v = 0; v < V; ++v) {
        const uint8_t* from = group[v] + i * code_bytes(kCodes);
        if (v % kParts == 0) ask_for<kShare>(next[v] + static_cast<uintptr_t>(i * kShare));
        all.of[v] = PackedCodes<kCodes>(from);
      }
      return all;
    }
    DURE_INLINE Vec factor(int v, int i, int half) const {
      if constexpr (kFactors <= Factors::plain_min) return d[v];
      if constexpr (kFactors == Factors::scaled)
        return mul(d[v], to_floats(widen_signed(scales[v] + 32 * i + 16 * half)));
      if constexpr (kFactors == Factors::scaled_min) return mul(d[v], to_floats(widen_unsigned(scales[v] + 16 * i)));
      return mul(d[v], to_floats(and_ints(both(v, i, half), set_ints(15))));
    }
    DURE_INLINE Vec minimum(int v, int i, int half) const {
      if constexpr (kFactors == Factors::plain_min) return dmin[v];
      if constexpr (kFactors == Factors::scaled_min)
        return mul(dmin[v], to_floats(widen_unsigned(scales[v] + 128 + 16 * i)));
      return mul(dmin[v], to_floats(shift_right<4>(both(v, i, half))));
    }

   private:
    DURE_INLINE IntVec both(int v, int i, int half) const { return widen_unsigned(scales[v] + 32 * i + 16 * half); }
  };
};

template <Codes kCodes, Factors kFactors, int kShift>
template <int V>
struct IntFormat<kCodes, kFactors, kShift>::Slab {
  static constexpr int kGroups = kSlabColumns / cpu::kPanelGroup;
  alignas(64) uint8_t codes[kGroups][kSteps][V][sizeof(IntVec)];
  alignas(64) float factor[kGroups][kHalves][V][kLanes];
  alignas(64) float minimum[kMinimums ? kGroups : 1][kHalves][V][kLanes];

  void open(const Packed<V>& packed, int64_t column, int64_t end) {
    using From = typename Packed<V>::Block;
    for (int64_t g = column / cpu::kPanelGroup; g < end / cpu::kPanelGroup; g += From::kGroups) {
      const From block(packed, g);
      for (int i = 0; i < From::kGroups; ++i) {
        const int64_t to = (g + i) % kGroups;
        const auto from = block.codes(i);
        DURE_UNROLL
        for (int v = 0; v < V; ++v) {
          store_steps(from.of[v], codes[to], v);
          DURE_UNROLL
          for (int h = 0; h < kHalves; ++h) {
            store(factor[to][h][v], block.factor(v, i, h));
            if constexpr (kMinimums) store(minimum[to][h][v], block.minimum(v, i, h));
          }
        }
      }
    }
  }

  struct StoredCodes {
    const uint8_t* at;
    template <int kStep>
    DURE_INLINE IntVec step() const {
      return load_ints(at + kStep * V * static_cast<int>(sizeof(IntVec)));
    }
  };
  struct Block {
    static constexpr int kGroups = 1;
    const Slab& slab;
    int64_t g;

    DURE_INLINE Block(const Slab& w, int64_t group) : slab(w), g(group % Slab::kGroups) {}
    DURE_INLINE Each<StoredCodes, V> codes(int) const {
      Each<StoredCodes, V> all;
      DURE_UNROLL
      for (int v = 0; v < V; ++v) all.of[v].at = slab.codes[g][0][v];
      return all;
    }
    DURE_INLINE Vec factor(int v, int, int half) const { return load(slab.factor[g][half][v]); }
    DURE_INLINE Vec minimum(int v, int, int half) const { return load(slab.minimum[g][half][v]); }
  };

 private:
  template <int kStep = 0>
  static DURE_INLINE void store_steps(const PackedCodes<kCodes>& from, uint8_t (&to)[kSteps][V][sizeof(IntVec)],
                                      int v) {
    store_ints(to[kStep][v], from.template step<kStep>());
    if constexpr (kStep + 1 < kSteps) store_steps<kStep + 1>(from, to, v);
  }
};

constexpr int kNoOffset = -1;

using Q8_0Ints = IntFormat<Codes::bytes, Factors::plain, 7>;
using Q4_0Ints = IntFormat<Codes::nibbles, Factors::plain, 3>;
using Q4_1Ints = IntFormat<Codes::nibbles, Factors::plain_min, kNoOffset>;
using Q5_0Ints = IntFormat<Codes::nibbles_bit, Factors::plain, 4>;
using Q5_1Ints = IntFormat<Codes::nibbles_bit, Factors::plain_min, kNoOffset>;
using IQ4_NLInts = IntFormat<Codes::points, Factors::plain, 7>;
using MXFP4Ints = IntFormat<Codes::floats, Factors::plain_bf16, 7>;
using Q2_KInts = IntFormat<Codes::twos, Factors::scaled_halves_min, kNoOffset>;
using Q3_KInts = IntFormat<Codes::twos_bit, Factors::scaled, 2>;
using Q4_KInts = IntFormat<Codes::nibbles, Factors::scaled_min, kNoOffset>;
using Q5_KInts = IntFormat<Codes::nibbles_bit, Factors::scaled_min, kNoOffset>;
using Q6_KInts = IntFormat<Codes::nibbles_two, Factors::scaled, 5>;

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

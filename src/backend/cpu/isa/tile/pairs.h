#pragma once

#include "backend/cpu/isa/panel_float.h"
#include "backend/cpu/isa/panel_int.h"

// Weights of panels as tiles take them: rounded to bfloat16, pairs of columns beside each other. unpack() writes
// columns [begin, end) of one panel, 64 bytes a pair: begin is a multiple of 256, so that super-blocks are whole.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

/// (a[r], b[r]) in lane r.
DURE_INLINE IntVec round_to_pairs(Vec a, Vec b) {
  const IntVec both = reinterpret_cast<IntVec>(_mm512_cvtne2ps_pbh(b, a));  // b above a
  const IntVec order =
      _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007, 0x180008,
                        0x190009, 0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
  return _mm512_permutexvar_epi16(order, both);
}

template <class F>
struct IntPairs {
  using Packed = typename F::template Packed<1>;
  using Block = typename Packed::Block;

  static void unpack(const PanelRows& w, int64_t row, int64_t begin, int64_t end, uint8_t* to) {
    const Packed packed(w, row);
    for (int64_t g = begin / cpu::kPanelGroup; g < end / cpu::kPanelGroup; g += Block::kGroups) {
      const Block block(packed, g);
      for (int i = 0; i < Block::kGroups; ++i, to += 32 * cpu::kPanelGroup) {
        const auto codes = block.codes(i).of[0];
        Vec factor[2], minimum[2];
        DURE_UNROLL
        for (int h = 0; h < F::kHalves; ++h) {
          factor[h] = block.factor(0, i, h);
          if constexpr (F::kMinimums) minimum[h] = block.minimum(0, i, h);
        }
        steps<0>(codes, factor, minimum, to);
      }
    }
  }

 private:
  static constexpr int kOffset = F::kShift < 0 ? 0 : 1 << (F::kShift < 0 ? 0 : F::kShift);

  template <int kStep>
  static DURE_INLINE void steps(const PackedCodes<F::kCodes>& codes, const Vec (&factor)[2], const Vec (&minimum)[2],
                                uint8_t* to) {
    constexpr int kHalf = F::kHalves == 2 ? kStep / 4 : 0;
    const IntVec four = codes.template step<kStep>();
    Vec columns[4];
    DURE_UNROLL
    for (int c = 0; c < 4; ++c) {
      const IntVec code = and_ints(_mm512_srli_epi32(four, static_cast<unsigned>(8 * c)), set_ints(255));
      const Vec value = to_floats(_mm512_sub_epi32(code, set_ints(kOffset)));
      columns[c] = F::kMinimums ? sub(mul(value, factor[kHalf]), minimum[kHalf]) : mul(value, factor[kHalf]);
    }
    store_ints(to + 128 * kStep, round_to_pairs(columns[0], columns[1]));
    store_ints(to + 128 * kStep + 64, round_to_pairs(columns[2], columns[3]));
    if constexpr (kStep + 1 < kSteps) steps<kStep + 1>(codes, factor, minimum, to);
  }
};

template <class E>
struct FloatPairs {
  static void unpack(const PanelRows& w, int64_t row, int64_t begin, int64_t end, uint8_t* to) {
    const uint8_t* panel = w.data + row / cpu::kPanelRows * w.panel_bytes;
    const auto* factors = reinterpret_cast<const float*>(panel + w.factors_at);
    for (int64_t q = begin / cpu::kPanelQuad; q < quads(end); ++q, to += 128) {
      const auto quad = E::read(panel + q * E::kQuadBytes, 0);
      Pairs p = {{pair(quad, 0), pair(quad, 1)}};
      if constexpr (E::kFactors) {
        const Vec factor = set(factors[q / kBlockQuads]);
        p = {{round_to_pairs(mul(column(p, 0), factor), mul(column(p, 1), factor)),
              round_to_pairs(mul(column(p, 2), factor), mul(column(p, 3), factor))}};
      }
      store_ints(to, p.of[0]);
      store_ints(to + 64, p.of[1]);
    }
  }
};

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

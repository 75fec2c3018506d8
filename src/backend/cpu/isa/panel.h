#pragma once

#include "backend/cpu/isa/simd.h"
#include "backend/cpu/panel.h"

// One lane for each of the 16 rows of a panel.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

using cpu::Codes;
using cpu::Factors;
using cpu::PanelRows;
using cpu::QuantRows;

constexpr int kParts = cpu::kPanelRows / kLanes;  // vectors of 16 lanes of 32 bits

struct Floats {
  Vec v[kParts];
};
#ifdef __AVX512F__
using IntVec = __m512i;
DURE_INLINE IntVec load_ints(const void* p) { return _mm512_loadu_si512(p); }
DURE_INLINE IntVec broadcast(const void* four_bytes) {
  int32_t x;
  memcpy(&x, four_bytes, 4);
  return _mm512_set1_epi32(x);
}
DURE_INLINE IntVec and_bytes(IntVec a, int mask) { return _mm512_and_si512(a, _mm512_set1_epi8((char)mask)); }
DURE_INLINE IntVec or_ints(IntVec a, IntVec b) { return _mm512_or_si512(a, b); }
template <int kBits>
DURE_INLINE IntVec shift_right(IntVec a) {
  return kBits == 0 ? a : _mm512_srli_epi16(a, kBits);
}
template <int kBits>
DURE_INLINE IntVec shift_left(IntVec a) {
  return kBits == 0 ? a : _mm512_slli_epi16(a, kBits);
}
DURE_INLINE IntVec minus_shifted(const int32_t* x, int shift) {  // - x 2^shift in every lane
  return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(_mm512_set1_epi32(*x), shift));
}
DURE_INLINE IntVec zero_ints() { return _mm512_setzero_si512(); }
DURE_INLINE Vec to_floats(IntVec a) { return _mm512_cvtepi32_ps(a); }
DURE_INLINE Vec widen_signed(const int8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(p))); }
DURE_INLINE Vec widen_unsigned(const uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load16(p))); }
#ifdef __AVX512VNNI__
constexpr bool kSignedBytes = false;
DURE_INLINE IntVec dot4(IntVec sum, IntVec codes, IntVec x) { return _mm512_dpbusd_epi32(sum, codes, x); }
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) { return dot4(sum, codes, x); }
#else
constexpr bool kSignedBytes = true;  // two products of a full byte do not fit 16 bits
#endif
DURE_INLINE IntVec multiply_pairs(IntVec codes, IntVec x) { return _mm512_maddubs_epi16(codes, x); }
DURE_INLINE IntVec add_words(IntVec a, IntVec b) { return _mm512_add_epi16(a, b); }
DURE_INLINE IntVec add_pairs(IntVec sum, IntVec words) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_set1_epi16(1)));
}
#ifndef __AVX512VNNI__
DURE_INLINE IntVec dot4(IntVec sum, IntVec codes, IntVec x) { return add_pairs(sum, multiply_pairs(codes, x)); }
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) {
  const IntVec w = _mm512_xor_si512(codes, _mm512_set1_epi8((char)0x80));
  return dot4(sum, _mm512_abs_epi8(w), _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), zero_ints(), x));
}
#endif
#else
using IntVec = __m256i;
DURE_INLINE IntVec load_ints(const void* p) { return load32(p); }
DURE_INLINE IntVec broadcast(const void* four_bytes) {
  int32_t x;
  memcpy(&x, four_bytes, 4);
  return _mm256_set1_epi32(x);
}
DURE_INLINE IntVec and_bytes(IntVec a, int mask) { return _mm256_and_si256(a, _mm256_set1_epi8((char)mask)); }
DURE_INLINE IntVec or_ints(IntVec a, IntVec b) { return _mm256_or_si256(a, b); }
template <int kBits>
DURE_INLINE IntVec shift_right(IntVec a) {
  return kBits == 0 ? a : _mm256_srli_epi16(a, kBits);
}
template <int kBits>
DURE_INLINE IntVec shift_left(IntVec a) {
  return kBits == 0 ? a : _mm256_slli_epi16(a, kBits);
}
DURE_INLINE IntVec minus_shifted(const int32_t* x, int shift) {  // - x 2^shift in every lane
  return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(_mm256_set1_epi32(*x), shift));
}
DURE_INLINE IntVec zero_ints() { return _mm256_setzero_si256(); }
DURE_INLINE Vec to_floats(IntVec a) { return _mm256_cvtepi32_ps(a); }
DURE_INLINE __m128i load8(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
DURE_INLINE Vec widen_signed(const int8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load8(p))); }
DURE_INLINE Vec widen_unsigned(const uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(load8(p))); }
constexpr bool kSignedBytes = true;
DURE_INLINE IntVec multiply_pairs(IntVec codes, IntVec x) { return _mm256_maddubs_epi16(codes, x); }
DURE_INLINE IntVec add_words(IntVec a, IntVec b) { return _mm256_add_epi16(a, b); }
DURE_INLINE IntVec add_pairs(IntVec sum, IntVec words) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
}
DURE_INLINE IntVec dot4(IntVec sum, IntVec codes, IntVec x) { return add_pairs(sum, multiply_pairs(codes, x)); }
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) {
  const IntVec w = _mm256_xor_si256(codes, _mm256_set1_epi8((char)0x80));
  return dot4(sum, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}
#endif

struct Ints {
  IntVec v[kParts];
};

/// Codes of a group, step by step: f(step, codes of part p).
template <Codes kCodes, int kStep>
DURE_INLINE IntVec codes_of(const uint8_t* group, int part, const IntVec (&first)[2]) {
  constexpr int kHalf = kStep % 4;
  if constexpr (kCodes == Codes::bytes) return load_ints(group + 64 * kStep + 64 / kParts * part);
  const IntVec nibbles = and_bytes(shift_right<kStep / 4 * 4>(load_ints(group + 64 * kHalf + 64 / kParts * part)), 15);
  if constexpr (kCodes == Codes::nibbles) return nibbles;
  if constexpr (kCodes == Codes::nibbles_bit) {
    if constexpr (kStep < 4) return or_ints(nibbles, and_bytes(shift_left<4 - (kStep < 4 ? kStep : 4)>(first[0]), 16));
    return or_ints(nibbles, and_bytes(shift_right<(kStep >= 4 ? kStep - 4 : 0)>(first[0]), 16));
  }
  if constexpr (kHalf < 2)
    return or_ints(nibbles, and_bytes(shift_left<4 - 2 * (kHalf < 2 ? kHalf : 2)>(first[kStep / 4]), 48));
  return or_ints(nibbles, and_bytes(shift_right<(kHalf >= 2 ? 2 * kHalf - 4 : 0)>(first[kStep / 4]), 48));
}

/// Steps whose products may be added up in 16 bits before they are widened: two products of a byte pair each, at most
/// 127 times the largest code. Of no use where one instruction adds four products to 32 bits.
constexpr int deferred_steps(Codes codes) {
#ifdef __AVX512VNNI__
  (void)codes;
  return 0;
#else
  return codes == Codes::nibbles ? 8 : codes == Codes::nibbles_bit ? 4 : codes == Codes::nibbles_two ? 2 : 0;
#endif
}

template <Codes kCodes, int kM, int kHalves, int kStep>
DURE_INLINE void step(const uint8_t* group, int part, const IntVec (&high)[2], const int8_t* x, int64_t stride,
                      IntVec (&words)[kHalves][kM], IntVec (&sum)[kHalves][kM]) {
  constexpr int kHalf = kHalves == 2 ? kStep / 4 : 0, kDeferred = deferred_steps(kCodes);
  constexpr int kTurn = kHalves == 2 ? kStep % 4 : kStep % 4 * 2 + kStep / 4;  // among those that share a sum
  const IntVec codes = codes_of<kCodes, kStep>(group, part, high);
  DURE_UNROLL
  for (int m = 0; m < kM; ++m) {
    const IntVec four = broadcast(x + m * stride + 4 * kStep);
    IntVec &s = sum[kHalf][m], &w = words[kHalf][m];
    if constexpr (kDeferred > 0) {
      w = kTurn % kDeferred == 0 ? multiply_pairs(codes, four) : add_words(w, multiply_pairs(codes, four));
      if (kTurn % kDeferred == kDeferred - 1) s = add_pairs(s, w);
    } else {
      s = kCodes == Codes::bytes ? dot4_bytes(s, codes, four) : dot4(s, codes, four);
    }
  }
}

/// Products of one group: sum[half][m] of part p, offset taken off.
template <Codes kCodes, int kShift, int kM, int kHalves>
DURE_INLINE void multiply_group(const uint8_t* group, int part, const int8_t* x, int64_t stride, const int32_t* sums,
                                IntVec (&sum)[kHalves][kM]) {
  constexpr bool kOffset = kShift >= 0 && !(kCodes == Codes::bytes && kSignedBytes);
  DURE_UNROLL
  for (int h = 0; h < kHalves; ++h) {
    DURE_UNROLL
    for (int m = 0; m < kM; ++m) {
      if constexpr (!kOffset) {
        sum[h][m] = zero_ints();
      } else {
        const int32_t* s = sums + m * (stride / 16);
        const int32_t both = kHalves == 2 ? s[h] : s[0] + s[1];
        sum[h][m] = minus_shifted(&both, kShift);
      }
    }
  }
  IntVec high[2] = {};
  if constexpr (kCodes == Codes::nibbles_bit) high[0] = load_ints(group + 256 + 64 / kParts * part);
  if constexpr (kCodes == Codes::nibbles_two) {
    high[0] = load_ints(group + 256 + 64 / kParts * part);
    high[1] = load_ints(group + 320 + 64 / kParts * part);
  }
  IntVec words[kHalves][kM];
  step<kCodes, kM, kHalves, 0>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 4>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 1>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 5>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 2>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 6>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 3>(group, part, high, x, stride, words, sum);
  step<kCodes, kM, kHalves, 7>(group, part, high, x, stride, words, sum);
}

DURE_INLINE Vec half_floats(const uint8_t* p, int part) {
  return widen(reinterpret_cast<const Half*>(p) + part * kLanes);
}

/// Asks for what comes kAhead bytes later, the next panel as a rule: the hardware alone would stop at each page, and
/// misses the factors. A group's share of the panel at a time, so that lines are asked for in their order in memory.
template <int kBytes>
DURE_INLINE void ask_for(const uint8_t* at) {
  constexpr int kAhead = 18 << 10;
  const uintptr_t ahead = reinterpret_cast<uintptr_t>(at) + kAhead;  // may lie past the end
  DURE_UNROLL
  for (int i = 0; i < kBytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T0);
}

/// One panel with kM rows of x. kShift: the offset of codes is 2^kShift; -1: none.
template <Codes kCodes, Factors kFactors, int kShift, int kM>
void panel_tile(const uint8_t* codes, const uint8_t* factors, const QuantRows& x, float* y, int64_t y_stride,
                int rows) {
  constexpr int kHalves = kFactors == Factors::scaled ? 2 : 1;
  constexpr int kGroups = factor_groups(kFactors);
  constexpr int kShare = code_bytes(kCodes) + factor_bytes(kFactors) / kGroups;  // bytes of a group
  const uint8_t* share = codes;
  const int64_t K = x.columns, groups = K / cpu::kPanelGroup;
  Vec acc[kParts][kM];
  DURE_UNROLL
  for (int p = 0; p < kParts; ++p) {
    DURE_UNROLL
    for (int m = 0; m < kM; ++m) acc[p][m] = zero();
  }
  for (int64_t g = 0; g < groups; g += kGroups, factors += factor_bytes(kFactors)) {
    Vec d[kParts], dmin[kParts];
    DURE_UNROLL
    for (int p = 0; p < kParts; ++p) {
      d[p] = half_floats(factors, p);
      if constexpr (kFactors == Factors::plain_min || kFactors == Factors::scaled_min)
        dmin[p] = half_floats(factors + 32, p);
    }
    for (int i = 0; i < kGroups; ++i, codes += code_bytes(kCodes), share += kShare) {
      const int64_t at = g + i;
      ask_for<kShare>(share);
      DURE_UNROLL
      for (int p = 0; p < kParts; ++p) {
        IntVec sum[kHalves][kM];
        multiply_group<kCodes, kShift, kM, kHalves>(codes, p, x.codes + at * 32, K, x.sums + at * 2, sum);
        Vec factor[kHalves], minimum = zero();
        if constexpr (kFactors == Factors::plain || kFactors == Factors::plain_min) {
          factor[0] = d[p];
          if constexpr (kFactors == Factors::plain_min) minimum = dmin[p];
        } else if constexpr (kFactors == Factors::scaled) {
          const auto* scales = reinterpret_cast<const int8_t*>(factors + 32) + 32 * i + kLanes * p;
          factor[0] = mul(d[p], widen_signed(scales));
          factor[1] = mul(d[p], widen_signed(scales + 16));
        } else {
          factor[0] = mul(d[p], widen_unsigned(factors + 64 + 16 * i + kLanes * p));
          minimum = mul(dmin[p], widen_unsigned(factors + 64 + 128 + 16 * i + kLanes * p));
        }
        DURE_UNROLL
        for (int m = 0; m < kM; ++m) {
          const Vec xf = set(x.factor[m * groups + at]);
          acc[p][m] = fma(to_floats(sum[0][m]), mul(factor[0], xf), acc[p][m]);
          if constexpr (kHalves == 2) acc[p][m] = fma(to_floats(sum[1][m]), mul(factor[1], xf), acc[p][m]);
          if constexpr (kFactors == Factors::plain_min || kFactors == Factors::scaled_min)
            acc[p][m] = fma(minimum, set(x.minus_sum[m * groups + at]), acc[p][m]);
        }
      }
    }
  }
  DURE_UNROLL
  for (int m = 0; m < kM; ++m) {
    for (int p = 0; p < kParts; ++p) {
      const int left = rows - p * kLanes;
      if (left >= kLanes)
        store(y + m * y_stride + p * kLanes, acc[p][m]);
      else if (left > 0)
        store(y + m * y_stride + p * kLanes, acc[p][m], left);
    }
  }
}

constexpr int kPanelM = kParts == 1 ? 8 : 2;  // rows of x that share unpacked codes: as many as registers hold

template <Codes kCodes, Factors kFactors, int kShift>
void panel_dot(const PanelRows& w, int64_t begin, int64_t end, const QuantRows& x, int64_t M, float* y,
               int64_t y_stride) {
  for (int64_t n = begin; n < end; n += cpu::kPanelRows) {
    const uint8_t* panel = w.data + n / cpu::kPanelRows * w.panel_bytes;
    const int rows = (int)(end - n < cpu::kPanelRows ? end - n : cpu::kPanelRows);
    const int64_t groups = w.columns / cpu::kPanelGroup;
    int64_t m = 0;
    const auto from = [&](int64_t r) {
      return QuantRows{x.codes + r * w.columns, x.factor + r * groups, x.minus_sum + r * groups,
                       x.sums + r * 2 * groups, w.columns};
    };
    const auto run = [&](auto tile, int rows_of_x) {
      for (; m + rows_of_x <= M; m += rows_of_x)
        tile(panel, panel + w.factors_at, from(m), y + (n - begin) + m * y_stride, y_stride, rows);
    };
    run(panel_tile<kCodes, kFactors, kShift, kPanelM>, kPanelM);
    if constexpr (kPanelM > 4) run(panel_tile<kCodes, kFactors, kShift, 4>, 4);
    if constexpr (kPanelM > 2) run(panel_tile<kCodes, kFactors, kShift, 2>, 2);
    run(panel_tile<kCodes, kFactors, kShift, 1>, 1);
  }
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

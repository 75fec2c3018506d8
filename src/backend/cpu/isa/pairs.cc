#include "backend/cpu/isa/pairs.h"

#include "backend/cpu/isa/lanes.h"

namespace dure::DURE_ISA_NAMESPACE {

#ifdef __AVX512BF16__
namespace {

using cpu::ConstRows;
using cpu::kPairColumns;
using cpu::PairRows;
using cpu::Rows;

constexpr int kVecs = kPairColumns / kLanes, kTileRows = 8;

/// Up to kLanes values, zeros beyond them.
DURE_INLINE Vec load_some(const float* p, int64_t n) { return n >= kLanes ? load(p) : n > 0 ? load(p, n) : zero(); }

/// Rounded to bfloat16: `first` in the lower 16 words.
DURE_INLINE __m512i rounded(Vec first, Vec second) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
}

/// Words 0, 16, 1, 17, ...
DURE_INLINE __m512i interleave_words(__m512i a) {
  return _mm512_permutexvar_epi16(_mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                                   22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0),
                                  a);
}

void round_pairs(uint32_t* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    _mm512_storeu_si512(to + i / 2, rounded(load(from + i), load(from + i + kLanes)));
  if (i < n) {
    const __m512i last = rounded(load_some(from + i, n - i), load_some(from + i + kLanes, n - i - kLanes));
    _mm512_mask_storeu_epi32(to + i / 2, first((n - i + 1) / 2), last);
  }
}

void interleave_rows(uint32_t* to, ConstRows from, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r += 2, to += kPairColumns)
    for (int64_t i = 0; i < kVecs; ++i) {
      const float* a = from.data + r * from.stride + i * kLanes;
      const int64_t n = columns - i * kLanes;
      const Vec second = r + 1 < rows ? load_some(a + from.stride, n) : zero();
      _mm512_storeu_si512(to + i * kLanes, interleave_words(rounded(load_some(a, n), second)));
    }
}

/// Lane j of r[i] becomes lane i of r[j].
DURE_INLINE void transpose_lanes(__m512i (&r)[16]) {
  __m512i t[16];
  DURE_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  DURE_UNROLL
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  DURE_UNROLL
  for (int j = 0; j < 4; ++j) {  // quarters q of r[4 i + j] hold lanes 4 q + j of four rows
    const __m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88), b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
    const __m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    t[j] = _mm512_shuffle_i32x4(a, c, 0x88);
    t[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(a, c, 0xdd);
    t[12 + j] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
  DURE_UNROLL
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

void turn_rows(uint32_t* to, ConstRows from, int64_t rows, int64_t columns) {
  const int64_t pairs = (columns + 1) / 2;
  for (int64_t p = 0; p < pairs; p += kLanes)
    for (int64_t i = 0; i < kVecs; ++i) {
      __m512i r[16];
      for (int64_t j = 0; j < kLanes; ++j) {
        const int64_t row = i * kLanes + j, n = columns - 2 * p;
        const float* at = from.data + row * from.stride + 2 * p;
        r[j] = row < rows ? rounded(load_some(at, n), load_some(at + kLanes, n - kLanes)) : zero_ints();
      }
      transpose_lanes(r);
      for (int64_t j = 0; j < kLanes && p + j < pairs; ++j)
        _mm512_storeu_si512(to + (p + j) * kPairColumns + i * kLanes, r[j]);
    }
}

template <int M>
DURE_INLINE void tile(Rows y, PairRows a, const uint32_t* b, int64_t columns, int64_t pairs, bool add) {
  Vec sum[M][kVecs];
  const auto lanes = [&](int i) { return columns - i * kLanes; };
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int i = 0; i < kVecs; ++i) sum[m][i] = add ? load_some(y.data + m * y.stride + i * kLanes, lanes(i)) : zero();
  }
  for (int64_t p = 0; p < pairs; ++p, b += kPairColumns) {
    __m512i bs[kVecs];
    DURE_UNROLL
    for (int i = 0; i < kVecs; ++i) bs[i] = load_ints(b + i * kLanes);
    DURE_UNROLL
    for (int m = 0; m < M; ++m) {
      const __m512i as = broadcast(a.data + m * a.row_step + p * a.pair_step);
      DURE_UNROLL
      for (int i = 0; i < kVecs; ++i) sum[m][i] = add_pair_products(sum[m][i], bs[i], as);
    }
  }
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int i = 0; i < kVecs; ++i) {
      float* to = y.data + m * y.stride + i * kLanes;
      if (lanes(i) >= kLanes)
        store(to, sum[m][i]);
      else if (lanes(i) > 0)
        store(to, sum[m][i], lanes(i));
    }
  }
}

void multiply_pairs(Rows y, PairRows a, const uint32_t* b, int64_t M, int64_t columns, int64_t pairs, bool add) {
  int64_t m = 0;
  const auto rows = [&] { return Rows{y.data + m * y.stride, y.stride}; };
  const auto factors = [&] { return PairRows{a.data + m * a.row_step, a.row_step, a.pair_step}; };
  for (; m + kTileRows <= M; m += kTileRows) tile<kTileRows>(rows(), factors(), b, columns, pairs, add);
  for (; m + 2 <= M; m += 2) tile<2>(rows(), factors(), b, columns, pairs, add);
  if (m < M) tile<1>(rows(), factors(), b, columns, pairs, add);
}

}  // namespace

extern const cpu::PairKernels kBf16Pairs = {round_pairs, interleave_rows, turn_rows, multiply_pairs};
#endif

}  // namespace dure::DURE_ISA_NAMESPACE

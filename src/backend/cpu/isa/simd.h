#pragma once

// The undefined vectors of g++ 12's own header are meant (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#include <stdint.h>
#include <string.h>

// A vector of floats for the instruction set that this object is compiled for. Everything here is in an anonymous
// namespace: an inline function with a name of its own could replace its baseline twin at link time.

#define DURE_INLINE inline __attribute__((always_inline))
#ifdef __clang__
#define DURE_UNROLL _Pragma("unroll")
#else
#define DURE_UNROLL _Pragma("GCC unroll 16")
#endif

namespace dure::DURE_ISA_NAMESPACE {
namespace {

// Elements of plain rows, told apart by type.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
struct Float8 {
  uint8_t bits;
};
/// An FP8 code is widened through float16: its sign and the 7 bits below it, put where float16 has them, are the value
/// times 2^-8, as the exponents' biases are 7 and 15. The largest code is NaN.
constexpr float kFloat8Widened = 256;

DURE_INLINE __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
DURE_INLINE __m256i load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
DURE_INLINE float to_float(uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }

#ifdef __AVX512F__
using Vec = __m512;
#else
using Vec = __m256;
#endif
constexpr int kLanes = sizeof(Vec) / sizeof(float);

/// 32 consecutive values: the step in which weights are unpacked, the shortest block of the quantised formats.
constexpr int kGroup = 32, kGroupVecs = kGroup / kLanes;
struct Group {
  Vec v[kGroupVecs];
};

#ifdef __AVX512F__

DURE_INLINE __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }

DURE_INLINE Vec zero() { return _mm512_setzero_ps(); }
DURE_INLINE Vec set(float x) { return _mm512_set1_ps(x); }
DURE_INLINE Vec load(const float* p) { return _mm512_loadu_ps(p); }
DURE_INLINE Vec load(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
DURE_INLINE Vec load_or(Vec other, const float* p, int64_t n) { return _mm512_mask_loadu_ps(other, first(n), p); }
DURE_INLINE void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
DURE_INLINE void store(float* p, Vec v, int64_t n) { _mm512_mask_storeu_ps(p, first(n), v); }
DURE_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
DURE_INLINE Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
DURE_INLINE Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
DURE_INLINE Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
DURE_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }  // a * b + c
DURE_INLINE Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }              // b if either is NaN
DURE_INLINE Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }              // the same
/// Where a < b, `yes`, else `no`.
DURE_INLINE Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
DURE_INLINE Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// a 2^n for whole n.
DURE_INLINE Vec ldexp(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }

DURE_INLINE Vec swap_pairs(Vec a) { return _mm512_permute_ps(a, 0xb1); }

DURE_INLINE __m256 low(Vec v) { return _mm512_castps512_ps256(v); }
DURE_INLINE __m256 high(Vec v) { return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)); }
DURE_INLINE __m256 fold_add(Vec v) { return _mm256_add_ps(low(v), high(v)); }
DURE_INLINE __m256 fold_max(Vec v) { return _mm256_max_ps(low(v), high(v)); }

DURE_INLINE Vec from_bits(__m512i v) { return _mm512_castsi512_ps(v); }
DURE_INLINE Vec widen(const BFloat* p) { return from_bits(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load32(p)), 16)); }
DURE_INLINE Vec widen(const Half* p) { return _mm512_cvtph_ps(load32(p)); }
/// Values times 1 / kFloat8Widened.
DURE_INLINE Group widen_group(const Float8* p) {
  const __m512i code = _mm512_cvtepu8_epi16(load32(p));
  const __m512i spread = _mm512_srai_epi16(_mm512_slli_epi16(code, 8), 1);
  const __m512i half = _mm512_and_si512(spread, _mm512_set1_epi16(static_cast<int16_t>(0xbf80)));
  const __m512i mask = _mm512_set1_epi16(0x7f);
  const __mmask32 nan = _mm512_cmpeq_epi16_mask(_mm512_and_si512(code, mask), mask);
  const __m512i fixed = _mm512_mask_mov_epi16(half, nan, _mm512_set1_epi16(0x7e00));
  return {_mm512_cvtph_ps(_mm512_castsi512_si256(fixed)), _mm512_cvtph_ps(_mm512_extracti64x4_epi64(fixed, 1))};
}

/// To the nearest bfloat16, ties to even. NaN stays NaN.
DURE_INLINE Vec round_bf16(Vec v) {
  const __m512i u = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i quiet = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i rounded = _mm512_mask_mov_epi32(up, nan, quiet);
  return from_bits(_mm512_and_si512(rounded, _mm512_set1_epi32((int)0xffff0000)));
}

DURE_INLINE Group widen(__m256i codes) {  // of 32 signed bytes
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_castsi256_si128(codes))),
          _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_extracti128_si256(codes, 1)))};
}
/// 32 bytes: `byte` where the bit is set, else 0.
DURE_INLINE __m256i spread_bits(uint32_t bits, int8_t byte) { return _mm256_maskz_set1_epi8(bits, byte); }

/// values[nibble] * d + m, the table being multiplied instead of the values. Of 16 bytes: low nibbles, then high ones.
DURE_INLINE Vec scaled_table(const int8_t* values, float d, float m) {
  return fma(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(values))), set(d), set(m));
}
DURE_INLINE Group look_up(const uint8_t* nibbles, const int8_t* values, float d, float m) {
  const Vec table = scaled_table(values, d, m);
  const __m512i index = _mm512_cvtepu8_epi32(load16(nibbles));  // the permutation uses the low four bits
  return {_mm512_permutexvar_ps(index, table), _mm512_permutexvar_ps(_mm512_srli_epi32(index, 4), table)};
}
/// Of 32 bytes, their low nibbles (shift 0) or high ones (shift 4).
DURE_INLINE Group look_up(const uint8_t* nibbles, int shift, const int8_t* values, float d, float m) {
  const Vec table = scaled_table(values, d, m);
  return {_mm512_permutexvar_ps(_mm512_srli_epi32(_mm512_cvtepu8_epi32(load16(nibbles)), shift), table),
          _mm512_permutexvar_ps(_mm512_srli_epi32(_mm512_cvtepu8_epi32(load16(nibbles + 16)), shift), table)};
}

#else

DURE_INLINE __m256i first(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

DURE_INLINE Vec zero() { return _mm256_setzero_ps(); }
DURE_INLINE Vec set(float x) { return _mm256_set1_ps(x); }
DURE_INLINE Vec load(const float* p) { return _mm256_loadu_ps(p); }
DURE_INLINE Vec load(const float* p, int64_t n) { return _mm256_maskload_ps(p, first(n)); }
DURE_INLINE Vec load_or(Vec other, const float* p, int64_t n) {
  return _mm256_blendv_ps(other, load(p, n), _mm256_castsi256_ps(first(n)));
}
DURE_INLINE void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
DURE_INLINE void store(float* p, Vec v, int64_t n) { _mm256_maskstore_ps(p, first(n), v); }
DURE_INLINE Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
DURE_INLINE Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
DURE_INLINE Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
DURE_INLINE Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
DURE_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }  // a * b + c
DURE_INLINE Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }              // b if either is NaN
DURE_INLINE Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }              // the same
/// Where a < b, `yes`, else `no`.
DURE_INLINE Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
DURE_INLINE Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// a 2^n for whole n, -252 <= n <= 254: two steps, as one exponent field does not hold them all.
DURE_INLINE Vec ldexp(Vec a, Vec n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const Vec one = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const Vec two = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23));
  return mul(mul(a, one), two);
}

DURE_INLINE Vec swap_pairs(Vec a) { return _mm256_permute_ps(a, 0xb1); }

DURE_INLINE __m256 fold_add(Vec v) { return v; }
DURE_INLINE __m256 fold_max(Vec v) { return v; }

DURE_INLINE Vec from_bits(__m256i v) { return _mm256_castsi256_ps(v); }
DURE_INLINE Vec widen(const BFloat* p) { return from_bits(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load16(p)), 16)); }
DURE_INLINE Vec widen(const Half* p) { return _mm256_cvtph_ps(load16(p)); }
/// Values times 1 / kFloat8Widened.
DURE_INLINE Group widen_group(const Float8* p) {
  const __m256i mask = _mm256_set1_epi16(0x7f);
  Group g;
  DURE_UNROLL
  for (int i = 0; i < 2; ++i) {
    const __m256i code = _mm256_cvtepu8_epi16(load16(p + 16 * i));
    const __m256i spread = _mm256_srai_epi16(_mm256_slli_epi16(code, 8), 1);
    const __m256i half = _mm256_and_si256(spread, _mm256_set1_epi16(static_cast<int16_t>(0xbf80)));
    const __m256i nan = _mm256_cmpeq_epi16(_mm256_and_si256(code, mask), mask);
    const __m256i fixed = _mm256_or_si256(half, _mm256_and_si256(nan, _mm256_set1_epi16(0x7e00)));
    g.v[2 * i] = _mm256_cvtph_ps(_mm256_castsi256_si128(fixed));
    g.v[2 * i + 1] = _mm256_cvtph_ps(_mm256_extracti128_si256(fixed, 1));
  }
  return g;
}

/// To the nearest bfloat16, ties to even. NaN stays NaN.
DURE_INLINE Vec round_bf16(Vec v) {
  const __m256i u = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
  const Vec nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
  const Vec rounded = _mm256_blendv_ps(_mm256_castsi256_ps(up), _mm256_castsi256_ps(quiet), nan);
  return _mm256_and_ps(rounded, from_bits(_mm256_set1_epi32((int)0xffff0000)));
}

DURE_INLINE Group widen(__m256i codes) {  // of 32 signed bytes
  const __m128i a = _mm256_castsi256_si128(codes), b = _mm256_extracti128_si256(codes, 1);
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(a)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(a, 8))),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(b)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(b, 8)))};
}
/// 32 bytes: `byte` where the bit is set, else 0.
DURE_INLINE __m256i spread_bits(uint32_t bits, int8_t byte) {
  const __m256i source =
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), source);
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit), _mm256_set1_epi8(byte));
}

/// values[nibble] * d + m. Of 16 bytes: low nibbles, then high ones.
DURE_INLINE Group look_up(__m256i nibbles, const int8_t* values, float d, float m) {
  const __m256i table = _mm256_broadcastsi128_si256(load16(values));
  Group g = widen(_mm256_shuffle_epi8(table, _mm256_and_si256(nibbles, _mm256_set1_epi8(15))));
  DURE_UNROLL
  for (int i = 0; i < kGroupVecs; ++i) g.v[i] = fma(g.v[i], set(d), set(m));
  return g;
}
DURE_INLINE Group look_up(const uint8_t* nibbles, const int8_t* values, float d, float m) {
  const __m128i bytes = load16(nibbles);
  return look_up(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), values, d, m);
}
/// Of 32 bytes, their low nibbles (shift 0) or high ones (shift 4).
DURE_INLINE Group look_up(const uint8_t* nibbles, int shift, const int8_t* values, float d, float m) {
  return look_up(_mm256_srli_epi16(load32(nibbles), shift), values, d, m);
}

#endif

DURE_INLINE Vec widen(const float* p) { return load(p); }
template <class T>
DURE_INLINE Group widen_group(const T* p) {
  Group g;
  DURE_UNROLL
  for (int i = 0; i < kGroupVecs; ++i) g.v[i] = widen(p + i * kLanes);
  return g;
}

DURE_INLINE float reduce_add(Vec v) {
  const __m256 a = fold_add(v);
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
DURE_INLINE float reduce_max(Vec v) {
  const __m256 a = fold_max(v);
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/// Sixteen signed bytes as floats, the first eight times a, the others times b.
DURE_INLINE void store_scaled(float* to, __m128i bytes, float a, float b) {
  const __m256 first_half = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  const __m256 second_half = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)));
  _mm256_storeu_ps(to, _mm256_mul_ps(first_half, _mm256_set1_ps(a)));
  _mm256_storeu_ps(to + 8, _mm256_mul_ps(second_half, _mm256_set1_ps(b)));
  // They are wanted one by one, and a broadcast from memory is cheaper than one from a lane.
  asm("" : "+m"(*reinterpret_cast<float(*)[16]>(to)));
}

/// Of each of 32 bytes, the bits of `mask` once it is shifted right; then moved up by `up`.
DURE_INLINE __m256i bits_of(__m256i bytes, int shift, int mask) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8(static_cast<char>(mask)));
}
DURE_INLINE __m256i bits_at(__m256i bytes, int shift, int mask, int up) {
  return _mm256_slli_epi16(bits_of(bytes, shift, mask), up);
}
/// Sixteen bytes as 32 nibbles: the low ones, then the high ones.
DURE_INLINE __m256i nibbles_of(const uint8_t* bytes) {
  const __m128i b = load16(bytes);
  return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(b, 4), b), _mm256_set1_epi8(15));
}

/// a x + b, with factors of each half of the group.
DURE_INLINE Group affine(Group x, float a0, float b0, float a1, float b1) {
  DURE_UNROLL
  for (int i = 0; i < kGroupVecs; ++i)
    x.v[i] = i < kGroupVecs / 2 ? fma(x.v[i], set(a0), set(b0)) : fma(x.v[i], set(a1), set(b1));
  return x;
}
DURE_INLINE Group affine(Group x, float a, float b) { return affine(x, a, b, a, b); }

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

#include "backend/cpu/isa/panels.h"
#include "backend/cpu/isa/simd.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

#ifdef __AVX512F__

DURE_INLINE Vec magnitude(Vec v) { return _mm512_abs_ps(v); }

/// Rounds 16 values to the nearest integers, ties to even, and stores them as bytes; returns their sum.
DURE_INLINE int32_t store_codes(int8_t* to, const Vec* v) {
  const __m512i codes = _mm512_cvtps_epi32(*v);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(codes));
  return _mm512_reduce_add_epi32(codes);
}

/// Values that are bfloat16 already.
DURE_INLINE void store_bf16(uint16_t* to, Vec v) {
  const __m512i words = _mm512_srli_epi32(_mm512_castps_si512(v), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(words));
}

#else

DURE_INLINE Vec magnitude(Vec v) { return _mm256_andnot_ps(set(-0.f), v); }

DURE_INLINE int32_t store_codes(int8_t* to, const Vec* v) {
  const __m256i a = _mm256_cvtps_epi32(v[0]), b = _mm256_cvtps_epi32(v[1]);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  const __m256i pairs = _mm256_add_epi32(a, b);
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

/// Values that are bfloat16 already.
DURE_INLINE void store_bf16(uint16_t* to, Vec v) {
  const __m256i words = _mm256_srli_epi32(_mm256_castps_si256(v), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

#endif

}  // namespace

// What a kernel reads past the end of a row is zero.

int64_t int8_bytes(int64_t K) { return (K + K / kGroup * 20 + 63) / 64 * 64; }

void prepare_int8(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row) {
  const int64_t groups = K / kGroup;
  auto* codes = reinterpret_cast<int8_t*>(row);
  auto* factor = reinterpret_cast<float*>(row + K);
  float* minus_scaled_sum = factor + groups;
  auto* minus_sum = reinterpret_cast<int32_t*>(factor + 2 * groups);
  int32_t* minus_halves = minus_sum + groups;
  for (int64_t g = begin / kGroup; g < end / kGroup; ++g) {
    Group values = widen_group(x + g * kGroup - begin);
    Vec most = magnitude(values.v[0]);
    DURE_UNROLL
    for (int i = 1; i < kGroupVecs; ++i) most = max(magnitude(values.v[i]), most);
    const float largest = reduce_max(most), inverse = largest > 0 ? 127 / largest : 0;
    DURE_UNROLL
    for (int i = 0; i < kGroupVecs; ++i) values.v[i] = mul(values.v[i], set(inverse));
    const int32_t low = store_codes(codes + g * kGroup, values.v);
    const int32_t high = store_codes(codes + g * kGroup + 16, values.v + kGroupVecs / 2);
    factor[g] = largest / 127;
    minus_scaled_sum[g] = -factor[g] * static_cast<float>(low + high);
    minus_sum[g] = -low - high;
    minus_halves[2 * g] = -low;
    minus_halves[2 * g + 1] = -high;
  }
}

int64_t float_bytes(int64_t K) { return (K + 15) / 16 * 64; }

namespace {

template <class F>
DURE_INLINE void prepare_as_floats(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row, F f) {
  auto* to = reinterpret_cast<float*>(row);
  int64_t k = begin;
  for (; k + kLanes <= end; k += kLanes) store(to + k, f(load(x + k - begin)));
  if (k < end) store(to + k, f(load(x + k - begin, end - k)));  // and zeros
  for (k = (end + kLanes - 1) / kLanes * kLanes; end == K && k < float_bytes(K) / 4; k += kLanes) store(to + k, zero());
}

}  // namespace

void prepare_floats(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row) {
  prepare_as_floats(x, K, begin, end, row, [](Vec v) { return v; });
}

void prepare_rounded(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row) {
  prepare_as_floats(x, K, begin, end, row, [](Vec v) { return round_bf16(v); });
}

int64_t bf16_bytes(int64_t K) { return (K + 31) / 32 * 64; }

void prepare_bf16(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row) {
  auto* to = reinterpret_cast<uint16_t*>(row);
  for (int64_t k = begin; k < end; k += kLanes) {
    const Vec v = k + kLanes <= end ? load(x + k - begin) : load(x + k - begin, end - k);
    store_bf16(to + k, round_bf16(v));
  }
  for (int64_t k = (end + kLanes - 1) / kLanes * kLanes; end == K && k < bf16_bytes(K) / 2; k += kLanes)
    store_bf16(to + k, zero());
}

}  // namespace dure::DURE_ISA_NAMESPACE

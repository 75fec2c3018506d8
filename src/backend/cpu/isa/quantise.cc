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

#endif

}  // namespace

void quantise(const float* x, int64_t K, cpu::QuantRow out) {
  for (int64_t g = 0; g < K / kGroup; ++g, x += kGroup) {
    Group values = widen_group(x);
    Vec most = magnitude(values.v[0]);
    DURE_UNROLL
    for (int i = 1; i < kGroupVecs; ++i) most = max(magnitude(values.v[i]), most);
    const float largest = reduce_max(most), inverse = largest > 0 ? 127 / largest : 0;
    DURE_UNROLL
    for (int i = 0; i < kGroupVecs; ++i) values.v[i] = mul(values.v[i], set(inverse));
    int8_t* codes = out.codes + g * kGroup;
    const int32_t low = store_codes(codes, values.v), high = store_codes(codes + 16, values.v + kGroupVecs / 2);
    out.sums[2 * g] = low;
    out.sums[2 * g + 1] = high;
    out.factor[g] = largest / 127;
    out.minus_sum[g] = -out.factor[g] * static_cast<float>(low + high);
  }
}

}  // namespace dure::DURE_ISA_NAMESPACE

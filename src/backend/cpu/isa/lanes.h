#pragma once

#include "backend/cpu/isa/simd.h"
#include "backend/cpu/panel.h"

// Vectors of integers, one 32-bit lane for each row of a panel, and products of four bytes a lane.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int kParts = cpu::kPanelRows / kLanes;  // vectors that hold a lane for each row of a panel

DURE_INLINE int32_t load_int(const void* p) {
  int32_t x;
  memcpy(&x, p, sizeof x);
  return x;
}

#ifdef __AVX512F__

using IntVec = __m512i;
DURE_INLINE IntVec load_ints(const void* p) { return _mm512_loadu_si512(p); }
DURE_INLINE void store_ints(void* p, IntVec v) { _mm512_storeu_si512(p, v); }
DURE_INLINE IntVec broadcast(const void* four_bytes) { return _mm512_set1_epi32(load_int(four_bytes)); }
DURE_INLINE IntVec broadcast16(const void* p) { return _mm512_broadcast_i32x4(load16(p)); }
DURE_INLINE IntVec zero_ints() { return _mm512_setzero_si512(); }
DURE_INLINE IntVec set_ints(int32_t x) { return _mm512_set1_epi32(x); }
DURE_INLINE IntVec set_bytes(int x) { return _mm512_set1_epi8((char)x); }
DURE_INLINE IntVec and_ints(IntVec a, IntVec b) { return _mm512_and_si512(a, b); }
DURE_INLINE IntVec add_bytes(IntVec a, int x) { return _mm512_add_epi8(a, set_bytes(x)); }
DURE_INLINE IntVec or_ints(IntVec a, IntVec b) { return _mm512_or_si512(a, b); }
DURE_INLINE IntVec look_up_bytes(IntVec table, IntVec index) { return _mm512_shuffle_epi8(table, index); }
using ByteMask = __mmask64;
DURE_INLINE ByteMask equal_bytes(IntVec a, IntVec b) { return _mm512_cmpeq_epi8_mask(a, b); }
DURE_INLINE IntVec choose_bytes(ByteMask mask, IntVec a, IntVec b) {  // a where the mask is set
  return _mm512_mask_blend_epi8(mask, b, a);
}
DURE_INLINE IntVec interleave_low(IntVec a, IntVec b) { return _mm512_unpacklo_epi8(a, b); }
DURE_INLINE IntVec interleave_high(IntVec a, IntVec b) { return _mm512_unpackhi_epi8(a, b); }
template <int kBits>
DURE_INLINE IntVec shift_right(IntVec a) {  // of 16 bits
  return kBits == 0 ? a : _mm512_srli_epi16(a, kBits);
}
template <int kBits>
DURE_INLINE IntVec shift_left(IntVec a) {
  return kBits == 0 ? a : _mm512_slli_epi16(a, kBits);
}
DURE_INLINE IntVec shift_lanes_left(IntVec a, int bits) { return _mm512_slli_epi32(a, (unsigned)bits); }
DURE_INLINE Vec to_floats(IntVec a) { return _mm512_cvtepi32_ps(a); }
DURE_INLINE IntVec widen_signed(const void* p) { return _mm512_cvtepi8_epi32(load16(p)); }
DURE_INLINE IntVec widen_unsigned(const void* p) { return _mm512_cvtepu8_epi32(load16(p)); }
DURE_INLINE IntVec multiply_pairs(IntVec codes, IntVec x) { return _mm512_maddubs_epi16(codes, x); }
DURE_INLINE IntVec add_words(IntVec a, IntVec b) { return _mm512_add_epi16(a, b); }
DURE_INLINE IntVec add_pairs(IntVec sum, IntVec words) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_set1_epi16(1)));
}

#else

using IntVec = __m256i;
DURE_INLINE IntVec load_ints(const void* p) { return load32(p); }
DURE_INLINE void store_ints(void* p, IntVec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
DURE_INLINE IntVec broadcast(const void* four_bytes) { return _mm256_set1_epi32(load_int(four_bytes)); }
DURE_INLINE IntVec broadcast16(const void* p) { return _mm256_broadcastsi128_si256(load16(p)); }
DURE_INLINE IntVec zero_ints() { return _mm256_setzero_si256(); }
DURE_INLINE IntVec set_ints(int32_t x) { return _mm256_set1_epi32(x); }
DURE_INLINE IntVec set_bytes(int x) { return _mm256_set1_epi8((char)x); }
DURE_INLINE IntVec and_ints(IntVec a, IntVec b) { return _mm256_and_si256(a, b); }
DURE_INLINE IntVec add_bytes(IntVec a, int x) { return _mm256_add_epi8(a, set_bytes(x)); }
DURE_INLINE IntVec or_ints(IntVec a, IntVec b) { return _mm256_or_si256(a, b); }
DURE_INLINE IntVec look_up_bytes(IntVec table, IntVec index) { return _mm256_shuffle_epi8(table, index); }
using ByteMask = __m256i;
DURE_INLINE ByteMask equal_bytes(IntVec a, IntVec b) { return _mm256_cmpeq_epi8(a, b); }
DURE_INLINE IntVec choose_bytes(ByteMask mask, IntVec a, IntVec b) {  // a where the mask is set
  return _mm256_blendv_epi8(b, a, mask);
}
DURE_INLINE IntVec interleave_low(IntVec a, IntVec b) { return _mm256_unpacklo_epi8(a, b); }
DURE_INLINE IntVec interleave_high(IntVec a, IntVec b) { return _mm256_unpackhi_epi8(a, b); }
template <int kBits>
DURE_INLINE IntVec shift_right(IntVec a) {  // of 16 bits
  return kBits == 0 ? a : _mm256_srli_epi16(a, kBits);
}
template <int kBits>
DURE_INLINE IntVec shift_left(IntVec a) {
  return kBits == 0 ? a : _mm256_slli_epi16(a, kBits);
}
DURE_INLINE IntVec shift_lanes_left(IntVec a, int bits) { return _mm256_slli_epi32(a, bits); }
DURE_INLINE Vec to_floats(IntVec a) { return _mm256_cvtepi32_ps(a); }
DURE_INLINE __m128i load8(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
DURE_INLINE IntVec widen_signed(const void* p) { return _mm256_cvtepi8_epi32(load8(p)); }
DURE_INLINE IntVec widen_unsigned(const void* p) { return _mm256_cvtepu8_epi32(load8(p)); }
DURE_INLINE IntVec multiply_pairs(IntVec codes, IntVec x) { return _mm256_maddubs_epi16(codes, x); }
DURE_INLINE IntVec add_words(IntVec a, IntVec b) { return _mm256_add_epi16(a, b); }
DURE_INLINE IntVec add_pairs(IntVec sum, IntVec words) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
}

#endif

DURE_INLINE IntVec and_bytes(IntVec a, int mask) { return and_ints(a, set_bytes(mask)); }

/// sum + the products of four bytes of codes (unsigned) and four of x (signed), in every lane. dot4_bytes: any codes,
/// 128 more than they mean where kSignedBytes; dot4: codes below 128.
#ifdef __AVX512VNNI__
constexpr bool kHasDot4 = true, kSignedBytes = false;
DURE_INLINE IntVec dot4(IntVec sum, IntVec codes, IntVec x) { return _mm512_dpbusd_epi32(sum, codes, x); }
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) { return dot4(sum, codes, x); }
#else
constexpr bool kHasDot4 = false, kSignedBytes = true;  // two products of a full byte do not fit 16 bits
DURE_INLINE IntVec dot4(IntVec sum, IntVec codes, IntVec x) { return add_pairs(sum, multiply_pairs(codes, x)); }
#ifdef __AVX512F__
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) {
  const IntVec w = _mm512_xor_si512(codes, set_bytes(128));
  return dot4(sum, _mm512_abs_epi8(w), _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), zero_ints(), x));
}
#else
DURE_INLINE IntVec dot4_bytes(IntVec sum, IntVec codes, IntVec x) {
  const IntVec w = _mm256_xor_si256(codes, set_bytes(128));
  return dot4(sum, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}
#endif
#endif

#ifdef __AVX512BF16__
/// sum + the products of the pairs of bfloat16 in every lane.
DURE_INLINE Vec add_pair_products(Vec sum, IntVec w, IntVec x) {
#ifdef __clang__
  __asm__("" : "+v"(x));  // clang 16 crashes where it sees that one of these is a broadcast
#endif
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
}
#endif

/// How far ahead weights are asked for: the next panel as a rule. The hardware alone would stop at each page, and
/// misses the factors.
constexpr int64_t kAhead = 18 << 10;

DURE_INLINE uintptr_t address(const void* p) { return reinterpret_cast<uintptr_t>(p); }

/// Asks for kBytes, which may lie past the end of the weights.
template <int kBytes>
DURE_INLINE void ask_for(uintptr_t at) {
  DURE_UNROLL
  for (uintptr_t i = 0; i < kBytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T0);
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

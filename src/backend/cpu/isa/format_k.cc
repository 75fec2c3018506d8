// The super-blocks of 256 elements: layouts in tensor/quant/k_block.h. A block is unpacked in eight groups of 32.
#include "backend/cpu/isa/dot.h"
#include "backend/cpu/isa/formats.h"
#include "tensor/quant/k_block.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int kBlock = 256;
constexpr float kNothing = -0.f;
constexpr int8_t kCounted[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

template <class Block>
DURE_INLINE const Block& block_at(Row row, int64_t k) {
  return reinterpret_cast<const Block*>(row.data)[k / kBlock];
}
DURE_INLINE int group_at(int64_t k) { return static_cast<int>(k % kBlock) / kGroup; }

struct Affine {
  float scale, minus_min;
};

/// Scale and minimum of group g of Q4_K and Q5_K, 6 bits each, in 12 bytes.
template <class Block>
DURE_INLINE Affine affine_of(const Block& b, int g) {
  const uint8_t* s = b.scales;
  const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4;
  const int min = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | s[g] >> 6 << 4;
  return {to_float(b.d) * static_cast<float>(scale), -(to_float(b.dmin) * static_cast<float>(min))};
}

struct Q4_K {
  static constexpr bool kPlain = false;
  static DURE_INLINE Group load(Row row, int64_t k) {
    const BlockQ4_K& b = block_at<BlockQ4_K>(row, k);
    const int g = group_at(k);
    const Affine f = affine_of(b, g);
    return look_up(b.qs + g / 2 * 32, g % 2 * 4, kCounted, f.scale, f.minus_min);
  }
};

struct Q5_K {
  static constexpr bool kPlain = false;
  static DURE_INLINE Group load(Row row, int64_t k) {
    const BlockQ5_K& b = block_at<BlockQ5_K>(row, k);
    const int g = group_at(k);
    const Affine f = affine_of(b, g);
    const __m256i low = bits_of(load32(b.qs + g / 2 * 32), g % 2 * 4, 15);
    const __m256i fifth = _mm256_slli_epi16(bits_of(load32(b.qh), g, 1), 4);
    return affine(widen(_mm256_or_si256(low, fifth)), f.scale, f.minus_min);
  }
};

struct Q6_K {
  static constexpr bool kPlain = false;
  static DURE_INLINE Group load(Row row, int64_t k) {
    const BlockQ6_K& b = block_at<BlockQ6_K>(row, k);
    const int g = group_at(k), half = g / 4, run = g % 4;
    const __m256i low = bits_of(load32(b.ql + half * 64 + run % 2 * 32), run / 2 * 4, 15);
    const __m256i high = _mm256_slli_epi16(bits_of(load32(b.qh + half * 32), run * 2, 3), 4);
    const __m256i code = _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
    const float d = to_float(b.d);
    return affine(widen(code), d * static_cast<float>(b.scales[g * 2]), kNothing,
                  d * static_cast<float>(b.scales[g * 2 + 1]), kNothing);
  }
};

struct Q3_K {
  static constexpr bool kPlain = false;
  /// Six bits: the low four in scales[0..7], low nibbles first, the top two in scales[8..11].
  static DURE_INLINE float scale(const BlockQ3_K& b, int g) {
    const int low = b.scales[g % 8] >> g / 8 * 4 & 15, high = b.scales[8 + g % 4] >> g / 4 * 2 & 3;
    return to_float(b.d) * static_cast<float>((low | high << 4) - 32);
  }
  static DURE_INLINE Group load(Row row, int64_t k) {
    const BlockQ3_K& b = block_at<BlockQ3_K>(row, k);
    const int g = group_at(k);
    const __m256i low = bits_of(load32(b.qs + g / 4 * 32), g % 4 * 2, 3);
    const __m256i high = _mm256_slli_epi16(bits_of(load32(b.hmask), g, 1), 2);
    const __m256i code = _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(4));
    return affine(widen(code), scale(b, g * 2), kNothing, scale(b, g * 2 + 1), kNothing);
  }
};

struct Q2_K {
  static constexpr bool kPlain = false;
  static DURE_INLINE Group load(Row row, int64_t k) {
    const BlockQ2_K& b = block_at<BlockQ2_K>(row, k);
    const int g = group_at(k);
    const float d = to_float(b.d), dmin = to_float(b.dmin);
    const int s0 = b.scales[g * 2], s1 = b.scales[g * 2 + 1];
    return affine(widen(bits_of(load32(b.qs + g / 4 * 32), g % 4 * 2, 3)),  //
                  d * static_cast<float>(s0 & 15), -(dmin * static_cast<float>(s0 >> 4)),
                  d * static_cast<float>(s1 & 15), -(dmin * static_cast<float>(s1 >> 4)));
  }
};

}  // namespace

extern const cpu::FormatKernels kQ2_KKernels = format_kernels<Q2_K>();
extern const cpu::FormatKernels kQ3_KKernels = format_kernels<Q3_K>();
extern const cpu::FormatKernels kQ4_KKernels = format_kernels<Q4_K>();
extern const cpu::FormatKernels kQ5_KKernels = format_kernels<Q5_K>();
extern const cpu::FormatKernels kQ6_KKernels = format_kernels<Q6_K>();

}  // namespace dure::DURE_ISA_NAMESPACE

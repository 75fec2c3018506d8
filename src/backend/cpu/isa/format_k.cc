// The super-blocks of 256 elements: layouts in tensor/quant/k_block.h. A block is unpacked in eight groups of 32.
#include "backend/cpu/isa/dot.h"
#include "backend/cpu/isa/formats.h"
#include "tensor/quant/k_block.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr float kNothing = -0.f;
constexpr int8_t kCounted[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/// A super-block with its scales unpacked: of 16 runs of 16 elements, or of 8 of 32.
template <class Layout>
struct Opened {
  const Layout* bits;
  float scale[16], minus_min[16];
};

template <class Layout>
struct SuperBlocks {
  static constexpr bool kPlain = false;
  static constexpr int kBlock = 256, kBytes = sizeof(Layout);
  using Block = Opened<Layout>;
  static DURE_INLINE const Layout* at(Row row, int64_t k) {
    return reinterpret_cast<const Layout*>(row.data) + k / kBlock;
  }
};

DURE_INLINE uint32_t word(const uint8_t* p) {
  uint32_t w;
  memcpy(&w, p, sizeof w);
  return w;
}

/// Scales and minima of Q4_K and Q5_K: 6 bits each in 12 bytes. Bytes 0-3 and 4-7 have those of groups 0-3, bytes 8-11
/// the low nibbles of groups 4-7, whose top bits are the top bits of the first eight bytes.
template <class Layout>
DURE_INLINE Opened<Layout> open_6_bits(const Layout* b) {
  const uint32_t scales = word(b->scales), mins = word(b->scales + 4), low = word(b->scales + 8);
  const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
  const __m128i bytes = _mm_setr_epi32(static_cast<int>(scales & six),                             //
                                       static_cast<int>((low & four) | (scales >> 6 & two) << 4),  //
                                       static_cast<int>(mins & six),                               //
                                       static_cast<int>((low >> 4 & four) | (mins >> 6 & two) << 4));
  Opened<Layout> opened;
  opened.bits = b;
  store_scaled(opened.scale, bytes, to_float(b->d), -to_float(b->dmin));  // 8 scales, 8 minima
  return opened;
}

struct Q4_K : SuperBlocks<BlockQ4_K> {
  static DURE_INLINE Block open(Row row, int64_t k) { return open_6_bits(at(row, k)); }
  static DURE_INLINE Group load(const Block& b, int g) {
    return look_up(b.bits->qs + g / 2 * 32, g % 2 * 4, kCounted, b.scale[g], b.scale[8 + g]);
  }
};

struct Q5_K : SuperBlocks<BlockQ5_K> {
  static DURE_INLINE Block open(Row row, int64_t k) { return open_6_bits(at(row, k)); }
  static DURE_INLINE Group load(const Block& b, int g) {
    const __m256i low = bits_of(load32(b.bits->qs + g / 2 * 32), g % 2 * 4, 15);
    const __m256i fifth = bits_at(load32(b.bits->qh), g, 1, 4);
    return affine(widen(_mm256_or_si256(low, fifth)), b.scale[g], b.scale[8 + g]);
  }
};

struct Q6_K : SuperBlocks<BlockQ6_K> {
  static DURE_INLINE Block open(Row row, int64_t k) {
    Block opened;
    opened.bits = at(row, k);
    const float d = to_float(opened.bits->d);
    store_scaled(opened.scale, load16(opened.bits->scales), d, d);
    return opened;
  }
  static DURE_INLINE Group load(const Block& b, int g) {
    const int half = g / 4, run = g % 4;
    const __m256i low = bits_of(load32(b.bits->ql + half * 64 + run % 2 * 32), run / 2 * 4, 15);
    const __m256i high = bits_at(load32(b.bits->qh + half * 32), run * 2, 3, 4);
    const __m256i code = _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
    return affine(widen(code), b.scale[2 * g], kNothing, b.scale[2 * g + 1], kNothing);
  }
};

struct Q3_K : SuperBlocks<BlockQ3_K> {
  /// Six bits a scale: the low four in bytes 0-7 (low nibbles: runs 0-7), the top two in bytes 8-11.
  static DURE_INLINE Block open(Row row, int64_t k) {
    Block opened;
    opened.bits = at(row, k);
    const uint8_t* s = opened.bits->scales;
    const uint32_t a = word(s), b = word(s + 4), top = word(s + 8), four = 0x0f0f0f0f, two = 0x03030303;
    const __m128i bytes = _mm_setr_epi32(static_cast<int>((a & four) | (top & two) << 4),            //
                                         static_cast<int>((b & four) | (top >> 2 & two) << 4),       //
                                         static_cast<int>((a >> 4 & four) | (top >> 4 & two) << 4),  //
                                         static_cast<int>((b >> 4 & four) | (top >> 6 & two) << 4));
    const float d = to_float(opened.bits->d);
    store_scaled(opened.scale, _mm_sub_epi8(bytes, _mm_set1_epi8(32)), d, d);
    return opened;
  }
  static DURE_INLINE Group load(const Block& b, int g) {
    const __m256i low = bits_of(load32(b.bits->qs + g / 4 * 32), g % 4 * 2, 3);
    const __m256i high = bits_at(load32(b.bits->hmask), g, 1, 2);
    const __m256i code = _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(4));
    return affine(widen(code), b.scale[2 * g], kNothing, b.scale[2 * g + 1], kNothing);
  }
};

struct Q2_K : SuperBlocks<BlockQ2_K> {
  static DURE_INLINE Block open(Row row, int64_t k) {
    Block opened;
    opened.bits = at(row, k);
    const float d = to_float(opened.bits->d), dmin = -to_float(opened.bits->dmin);
    const __m128i both = load16(opened.bits->scales), four = _mm_set1_epi8(15);
    store_scaled(opened.scale, _mm_and_si128(both, four), d, d);
    store_scaled(opened.minus_min, _mm_and_si128(_mm_srli_epi16(both, 4), four), dmin, dmin);
    return opened;
  }
  static DURE_INLINE Group load(const Block& b, int g) {
    return affine(widen(bits_of(load32(b.bits->qs + g / 4 * 32), g % 4 * 2, 3)), b.scale[2 * g], b.minus_min[2 * g],
                  b.scale[2 * g + 1], b.minus_min[2 * g + 1]);
  }
};

}  // namespace

extern const cpu::FormatKernels kQ2_KKernels = format_kernels<Q2_K>();
extern const cpu::FormatKernels kQ3_KKernels = format_kernels<Q3_K>();
extern const cpu::FormatKernels kQ4_KKernels = format_kernels<Q4_K>();
extern const cpu::FormatKernels kQ5_KKernels = format_kernels<Q5_K>();
extern const cpu::FormatKernels kQ6_KKernels = format_kernels<Q6_K>();

}  // namespace dure::DURE_ISA_NAMESPACE

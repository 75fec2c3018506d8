// The blocks of 32 elements: layouts in tensor/quant/.
#include "backend/cpu/isa/dot.h"
#include "backend/cpu/isa/formats.h"
#include "tensor/quant/iq4_nl_block.h"
#include "tensor/quant/linear_block.h"
#include "tensor/quant/mxfp4_block.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr float kNothing = -0.f;  // what changes no value when it is added, zeros of either sign included

template <class Layout>
struct Blocks {
  static constexpr bool kPlain = false;
  static constexpr int kBlock = kGroup, kBytes = sizeof(Layout);
  using Block = const Layout*;
  static DURE_INLINE Block open(Row row, int64_t k) { return reinterpret_cast<Block>(row.data) + k / kBlock; }
};

struct Q8_0 : Blocks<BlockQ8_0> {
  static DURE_INLINE Group load(Block b, int) { return affine(widen(load32(b->qs)), to_float(b->d), kNothing); }
};

constexpr int8_t kCentred[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
constexpr int8_t kCounted[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct Q4_0 : Blocks<BlockQ4_0> {
  static DURE_INLINE Group load(Block b, int) { return look_up(b->qs, kCentred, to_float(b->d), kNothing); }
};

struct IQ4_NL : Blocks<BlockIQ4_NL> {
  static DURE_INLINE Group load(Block b, int) { return look_up(b->qs, kIQ4NLValues, to_float(b->d), kNothing); }
};

struct MXFP4 : Blocks<BlockMXFP4> {
  static DURE_INLINE Group load(Block b, int) {
    const float half_scale = __builtin_bit_cast(float, mxfp4_half_scale(b->e));
    return look_up(b->qs, kMXFP4Values, half_scale, kNothing);
  }
};

struct Q4_1 : Blocks<BlockQ4_1> {
  static DURE_INLINE Group load(Block b, int) { return look_up(b->qs, kCounted, to_float(b->d), to_float(b->m)); }
};

template <class Layout>
DURE_INLINE __m256i five_bits(const Layout& b) {
  uint32_t fifth;
  memcpy(&fifth, b.qh, sizeof fifth);
  return _mm256_or_si256(nibbles_of(b.qs), spread_bits(fifth, 16));
}

struct Q5_0 : Blocks<BlockQ5_0> {
  static DURE_INLINE Group load(Block b, int) {
    return affine(widen(_mm256_sub_epi8(five_bits(*b), _mm256_set1_epi8(16))), to_float(b->d), kNothing);
  }
};

struct Q5_1 : Blocks<BlockQ5_1> {
  static DURE_INLINE Group load(Block b, int) { return affine(widen(five_bits(*b)), to_float(b->d), to_float(b->m)); }
};

}  // namespace

extern const cpu::FormatKernels kQ8_0Kernels = format_kernels<Q8_0>();
extern const cpu::FormatKernels kQ4_0Kernels = format_kernels<Q4_0>();
extern const cpu::FormatKernels kQ4_1Kernels = format_kernels<Q4_1>();
extern const cpu::FormatKernels kQ5_0Kernels = format_kernels<Q5_0>();
extern const cpu::FormatKernels kQ5_1Kernels = format_kernels<Q5_1>();
extern const cpu::FormatKernels kIQ4_NLKernels = format_kernels<IQ4_NL>();
extern const cpu::FormatKernels kMXFP4Kernels = format_kernels<MXFP4>();

}  // namespace dure::DURE_ISA_NAMESPACE

#include "backend/cpu/isa/dot.h"
#include "backend/cpu/isa/formats.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

/// A format of one element of type T after the other.
template <class T>
struct Plain {
  static constexpr bool kPlain = true;
  static constexpr int kBlock = kGroup, kBytes = kGroup * sizeof(T);

  using Block = const T*;
  static DURE_INLINE Block open(Row row, int64_t k) { return reinterpret_cast<const T*>(row.data) + k; }
  static DURE_INLINE Group load(Block p, int) { return widen_group(p); }
  static DURE_INLINE Vec load(Row row, int64_t k, int64_t n) {
    T tail[kLanes] = {};  // a row may end where its page does
    memcpy(tail, reinterpret_cast<const T*>(row.data) + k, static_cast<size_t>(n) * sizeof(T));
    return widen(tail);
  }
};

using F32 = Plain<float>;
using F16 = Plain<Half>;
using BF16 = Plain<BFloat>;

struct F8 {
  static constexpr bool kPlain = true;
  static constexpr int kBlock = kGroup, kBytes = kGroup;
  struct Block {
    const Float8* codes;
    float factor;
  };

  static DURE_INLINE Block open(Row row, int64_t k) {
    return {reinterpret_cast<const Float8*>(row.data) + k, row.scale ? row.scale[k / cpu::kScaleBlock] : 1.f};
  }
  static DURE_INLINE Group load(const Block& b, int) {
    const Vec factor = mul(set(b.factor), set(kFloat8Widened));
    Group g = widen_group(b.codes);
    DURE_UNROLL
    for (int i = 0; i < kGroupVecs; ++i) g.v[i] = mul(g.v[i], factor);
    return g;
  }
  static DURE_INLINE Vec load(Row row, int64_t k, int64_t n) {
    const Block b = open(row, k);
    Float8 tail[kGroup] = {};
    memcpy(tail, b.codes, static_cast<size_t>(n));
    return load({tail, b.factor}, 0).v[0];
  }
};

}  // namespace

extern const cpu::FormatKernels kF32Kernels = format_kernels<F32>();
extern const cpu::FormatKernels kF16Kernels = format_kernels<F16>();
extern const cpu::FormatKernels kBF16Kernels = format_kernels<BF16>();
extern const cpu::FormatKernels kF8Kernels = format_kernels<F8>();

}  // namespace dure::DURE_ISA_NAMESPACE

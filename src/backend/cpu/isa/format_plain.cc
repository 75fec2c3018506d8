#include "backend/cpu/isa/dot.h"
#include "backend/cpu/isa/formats.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

/// A format of one element of type T after the other.
template <class T>
struct Plain {
  static constexpr bool kPlain = true;

  static DURE_INLINE Group load(Row row, int64_t k) {
    const T* p = reinterpret_cast<const T*>(row.data) + k;
    Group g;
    DURE_UNROLL
    for (int i = 0; i < kGroupVecs; ++i) g.v[i] = widen(p + i * kLanes);
    return g;
  }
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
  using Codes = Plain<Float8>;
  static constexpr bool kPlain = true;

  static DURE_INLINE Vec factor(Row row, int64_t k) { return set(row.scale ? row.scale[k / cpu::kScaleBlock] : 1.f); }
  static DURE_INLINE Group load(Row row, int64_t k) {
    Group g = Codes::load(row, k);
    const Vec f = factor(row, k);
    DURE_UNROLL
    for (int i = 0; i < kGroupVecs; ++i) g.v[i] = mul(g.v[i], f);
    return g;
  }
  static DURE_INLINE Vec load(Row row, int64_t k, int64_t n) { return mul(Codes::load(row, k, n), factor(row, k)); }
};

}  // namespace

extern const cpu::FormatKernels kF32Kernels = format_kernels<F32>();
extern const cpu::FormatKernels kF16Kernels = format_kernels<F16>();
extern const cpu::FormatKernels kBF16Kernels = format_kernels<BF16>();
extern const cpu::FormatKernels kF8Kernels = format_kernels<F8>();

}  // namespace dure::DURE_ISA_NAMESPACE

// Which tile kernel multiplies the panels of a format. F16 has none: its exponents are not those of bfloat16, and
// vectors multiply it exactly.
#include "backend/cpu/isa/tile/product.h"
#include "backend/cpu/kernels.h"

namespace dure::avx512bf16 {  // whose rows of bfloat16 tiles take too
int64_t bf16_bytes(int64_t K);
void prepare_bf16(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);
}  // namespace dure::avx512bf16

namespace dure::DURE_ISA_NAMESPACE {
namespace {

template <class P>
constexpr cpu::PanelKernels kTilesOf = {avx512bf16::bf16_bytes, avx512bf16::prepare_bf16, tile_dot<P>};

}  // namespace

extern const cpu::PanelKernels* const kTiles[cpu::kFormats] = {
    nullptr,  // F32
    nullptr,
    &kTilesOf<FloatPairs<BF16Elements>>,
    &kTilesOf<FloatPairs<F8Elements>>,
    &kTilesOf<IntPairs<Q8_0Ints>>,
    &kTilesOf<IntPairs<Q4_0Ints>>,
    &kTilesOf<IntPairs<Q4_1Ints>>,
    &kTilesOf<IntPairs<Q5_0Ints>>,
    &kTilesOf<IntPairs<Q5_1Ints>>,
    &kTilesOf<IntPairs<IQ4_NLInts>>,
    &kTilesOf<IntPairs<MXFP4Ints>>,
    &kTilesOf<IntPairs<Q2_KInts>>,
    &kTilesOf<IntPairs<Q3_KInts>>,
    &kTilesOf<IntPairs<Q4_KInts>>,
    &kTilesOf<IntPairs<Q5_KInts>>,
    &kTilesOf<IntPairs<Q6_KInts>>,
};

}  // namespace dure::DURE_ISA_NAMESPACE

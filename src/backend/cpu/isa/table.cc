#include "backend/cpu/isa/attention.h"
#include "backend/cpu/isa/formats.h"
#include "backend/cpu/isa/matmul.h"
#include "backend/cpu/isa/pairs.h"
#include "backend/cpu/isa/panels.h"
#include "backend/cpu/isa/rows.h"
#include "backend/cpu/kernels.h"

#define DURE_STRING(x) #x
#define DURE_NAME(x) DURE_STRING(x)

namespace dure::DURE_ISA_NAMESPACE {

extern const cpu::Kernels kKernels = {
    .isa = DURE_NAME(DURE_ISA_NAMESPACE),
    .formats = {&kF32Kernels, &kF16Kernels, &kBF16Kernels, &kF8Kernels, &kQ8_0Kernels, &kQ4_0Kernels, &kQ4_1Kernels,
                &kQ5_0Kernels, &kQ5_1Kernels, &kIQ4_NLKernels, &kMXFP4Kernels, &kQ2_KKernels, &kQ3_KKernels,
                &kQ4_KKernels, &kQ5_KKernels, &kQ6_KKernels},
    .panels = {nullptr, &kF16Panels, &kBF16Panels, &kF8Panels, &kQ8_0Panels, &kQ4_0Panels, &kQ4_1Panels, &kQ5_0Panels,
               &kQ5_1Panels, &kIQ4_NLPanels, &kMXFP4Panels, &kQ2_KPanels, &kQ3_KPanels, &kQ4_KPanels, &kQ5_KPanels,
               &kQ6_KPanels},
    .attention = &kAttention,
    .attention_bf16 = kAttentionBf16,
    .pairs = kPairs,
    .dot = dot,
    .outer = outer,
    .round_bf16 = round_bf16,
    .add = add,
    .scale = scale,
    .blend = blend,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
    .rms_norm = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .rotate_halves = rotate_halves,
    .rotate_pairs = rotate_pairs,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
};

}  // namespace dure::DURE_ISA_NAMESPACE

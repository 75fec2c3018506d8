#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

extern const cpu::AttentionKernels kAttention;
#ifdef __AVX512BF16__
extern const cpu::AttentionKernels kBf16Attention;
constexpr const cpu::AttentionKernels* kAttentionBf16 = &kBf16Attention;
#else
constexpr const cpu::AttentionKernels* kAttentionBf16 = nullptr;
#endif

}  // namespace dure::DURE_ISA_NAMESPACE

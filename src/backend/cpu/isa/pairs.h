#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

#ifdef __AVX512BF16__
extern const cpu::PairKernels kBf16Pairs;
constexpr const cpu::PairKernels* kPairs = &kBf16Pairs;
#else
constexpr const cpu::PairKernels* kPairs = nullptr;
#endif

}  // namespace dure::DURE_ISA_NAMESPACE

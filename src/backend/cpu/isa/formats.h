#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

// One per format, collected by table.cc.
extern const cpu::FormatKernels kF32Kernels, kF16Kernels, kBF16Kernels, kF8Kernels;
extern const cpu::FormatKernels kQ8_0Kernels, kQ4_0Kernels, kQ4_1Kernels, kQ5_0Kernels, kQ5_1Kernels, kIQ4_NLKernels;
extern const cpu::FormatKernels kMXFP4Kernels;
extern const cpu::FormatKernels kQ2_KKernels, kQ3_KKernels, kQ4_KKernels, kQ5_KKernels, kQ6_KKernels;

}  // namespace dure::DURE_ISA_NAMESPACE

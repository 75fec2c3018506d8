#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

// One per format that has panels, collected by table.cc.
extern const cpu::PanelKernels kF16Panels, kBF16Panels, kF8Panels;
extern const cpu::PanelKernels kQ8_0Panels, kQ4_0Panels, kQ4_1Panels, kQ5_0Panels, kQ5_1Panels, kIQ4_NLPanels;
extern const cpu::PanelKernels kMXFP4Panels;
extern const cpu::PanelKernels kQ2_KPanels, kQ3_KPanels, kQ4_KPanels, kQ5_KPanels, kQ6_KPanels;

// Rows of activations for them: PanelKernels::row_bytes and prepare.
int64_t int8_bytes(int64_t K);   ///< groups of 32 in 8 bits, K a multiple of 32: see Int8Rows
int64_t float_bytes(int64_t K);  ///< float32, zeros up to a whole vector
int64_t bf16_bytes(int64_t K);   ///< bfloat16, the same
void prepare_int8(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);
void prepare_floats(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);
void prepare_rounded(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);  ///< to bfloat16
void prepare_bf16(const float* x, int64_t K, int64_t begin, int64_t end, uint8_t* row);

}  // namespace dure::DURE_ISA_NAMESPACE

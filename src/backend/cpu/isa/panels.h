#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

/// The kernel of a cpu::Format, or null if it has no panels.
cpu::PanelDot panel_kernel(int format);
/// Kernels::quantise
void quantise(const float* x, int64_t K, cpu::QuantRow out);

}  // namespace dure::DURE_ISA_NAMESPACE

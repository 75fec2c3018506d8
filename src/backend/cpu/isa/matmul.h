#pragma once

#include "backend/cpu/kernels.h"

namespace dure::DURE_ISA_NAMESPACE {

// See cpu::Kernels.
void dot(cpu::Rows y, cpu::ConstRows x, cpu::ConstRows w, int64_t M, int64_t N, int64_t K);
void outer(cpu::Rows y, cpu::ConstRows x, int64_t x_step, cpu::ConstRows w, int64_t M, int64_t N, int64_t K);

}  // namespace dure::DURE_ISA_NAMESPACE

#pragma once

#include <stdint.h>

namespace dure::DURE_ISA_NAMESPACE {

// See cpu::Kernels.
void round_bf16(float* y, const float* x, int64_t n);
void add(float* y, const float* a, const float* b, int64_t n);
void scale(float* y, const float* x, float factor, int64_t n);
void blend(float* y, float a, const float* x, float b, int64_t n);
void swiglu(float* y, const float* gate, const float* up, float limit, int64_t n);
void swiglu_backward(float* dgate, float* dup, const float* dy, const float* gate, const float* up, int64_t n);
void rms_norm(float* y, const float* x, const float* weight, float eps, int64_t n);
void rms_norm_backward(float* dx, float* dweight, const float* dy, const float* x, const float* weight, float eps,
                       int64_t n);
void rotate_halves(float* y, const float* x, const float* cos, const float* sin, int64_t n);
void rotate_pairs(float* y, const float* x, const float* cos, const float* sin, int64_t n);
float softmax(float* p, float factor, int64_t n, float* max);
void softmax_backward(float* dp, const float* p, float factor, int64_t n);

}  // namespace dure::DURE_ISA_NAMESPACE

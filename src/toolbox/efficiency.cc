#include "toolbox/efficiency.h"

namespace dure {
namespace {

/// Dtypes whose kernels do about the same work for a byte.
enum class Family { f32, half, f8, q8, q4, k, attention };

Family family_of(DType dtype) {
  switch (dtype) {
    case DType::F32: return Family::f32;
    case DType::F16:
    case DType::BF16: return Family::half;
    case DType::F8_E4M3: return Family::f8;
    case DType::Q8_0: return Family::q8;
    case DType::Q2_K:
    case DType::Q3_K:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K: return Family::k;
    default: return Family::q4;
  }
}

struct Row {
  std::string_view backend;
  Family family;
  Efficiency efficiency;
};

// From `dure bench --shape qwen3-0.6b --type TYPE` on two Zen 5 cores that read 80 GB/s (docs/performance.md).
// Quantised weights are unpacked slower than memory could be read there, so on a machine with less bandwidth to a core
// the shares are higher. After a change of the kernels: run it again, and put bandwidth_share of decode and
// peak_f32_share of prefill here (of avx2 twice that where the machine has AVX-512: the peak is that of the backend's
// own unit). F32 on avx2 was not measured and is taken to be as the half types; the reference is a rough guess.
constexpr Row kTable[] = {
    {"cpu/avx512", Family::f32, {0.48, 0.55}},       {"cpu/avx512", Family::half, {0.52, 0.56}},
    {"cpu/avx512", Family::f8, {0.34, 0.54}},        {"cpu/avx512", Family::q8, {0.39, 0.56}},
    {"cpu/avx512", Family::q4, {0.24, 0.54}},        {"cpu/avx512", Family::k, {0.23, 0.57}},
    {"cpu/avx512", Family::attention, {0.12, 0.50}}, {"cpu/avx2", Family::f32, {0.42, 0.76}},
    {"cpu/avx2", Family::half, {0.42, 0.76}},        {"cpu/avx2", Family::f8, {0.27, 0.76}},
    {"cpu/avx2", Family::q8, {0.25, 0.67}},          {"cpu/avx2", Family::q4, {0.15, 0.67}},
    {"cpu/avx2", Family::k, {0.14, 0.73}},           {"cpu/avx2", Family::attention, {0.13, 0.60}},
};
constexpr Efficiency kReference = {0.02, 0.005};

Efficiency find(std::string_view backend, Family family) {
  for (const Row& row : kTable)
    if (backend.starts_with(row.backend) && row.family == family) return row.efficiency;
  return kReference;
}

}  // namespace

Efficiency weight_efficiency(std::string_view backend, DType dtype) { return find(backend, family_of(dtype)); }

Efficiency attention_efficiency(std::string_view backend) { return find(backend, Family::attention); }

}  // namespace dure

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

// Medians of `dure bench --shape qwen3-0.6b` and its like (docs/performance.md). After a change of the kernels: run it
// again, and put bandwidth_share of decode at depth 0 and the share of the float32 peak of prefill here.
constexpr Row kTable[] = {
    {"cpu/avx512", Family::f32, {0.85, 0.60}},       {"cpu/avx512", Family::half, {0.80, 0.60}},
    {"cpu/avx512", Family::f8, {0.55, 0.60}},        {"cpu/avx512", Family::q8, {0.75, 0.60}},
    {"cpu/avx512", Family::q4, {0.65, 0.60}},        {"cpu/avx512", Family::k, {0.48, 0.60}},
    {"cpu/avx512", Family::attention, {0.50, 0.40}}, {"cpu/avx2", Family::f32, {0.80, 0.35}},
    {"cpu/avx2", Family::half, {0.70, 0.35}},        {"cpu/avx2", Family::f8, {0.40, 0.35}},
    {"cpu/avx2", Family::q8, {0.55, 0.35}},          {"cpu/avx2", Family::q4, {0.40, 0.35}},
    {"cpu/avx2", Family::k, {0.30, 0.35}},           {"cpu/avx2", Family::attention, {0.40, 0.25}},
};
constexpr Efficiency kReference = {0.02, 0.005};

Efficiency find(std::string_view backend, Family family) {
  for (const Row& row : kTable)
    if (row.backend == backend && row.family == family) return row.efficiency;
  return kReference;
}

}  // namespace

Efficiency weight_efficiency(std::string_view backend, DType dtype) { return find(backend, family_of(dtype)); }

Efficiency attention_efficiency(std::string_view backend) { return find(backend, Family::attention); }

}  // namespace dure

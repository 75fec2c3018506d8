#include "toolbox/efficiency.h"

namespace dure {
namespace {

/// Dtypes whose kernels do about the same work for a byte.
enum class Family { f32, half, f8, q8, q6, q4, k, attention };

Family family_of(DType dtype) {
  switch (dtype) {
    case DType::F32: return Family::f32;
    case DType::F16:
    case DType::BF16: return Family::half;
    case DType::F8_E4M3: return Family::f8;
    case DType::Q8_0: return Family::q8;
    case DType::Q6_K: return Family::q6;
    case DType::Q2_K:
    case DType::Q3_K:
    case DType::Q4_K:
    case DType::Q5_K: return Family::k;
    default: return Family::q4;
  }
}

struct Row {
  std::string_view backend;
  Compute compute;
  Family family;
  Efficiency efficiency;
};

constexpr Compute kF32 = Compute::f32, kInt8 = Compute::int8;

// What bench/plan.py fit found on two Zen 5 cores that read 80 GB/s (docs/performance.md), of the fast arithmetic
// beside other work; run it again after a change of the kernels. Integer products without VNNI count in shares of the
// float32 peak. F32 on avx2 was not measured and is taken to be as the half types; the reference is a rough guess.
constexpr Row kTable[] = {
    {"cpu/avx512bf16", kInt8, Family::half, {0.90, 0.74, Unit::bf16}},
    {"cpu/avx512bf16", kInt8, Family::f8, {0.56, 0.68, Unit::bf16}},
    {"cpu/avx512bf16", kInt8, Family::attention, {0.66, 0.50, Unit::bf16}},
    {"cpu/avx512vnni", kInt8, Family::q8, {0.87, 0.36, Unit::int8}},
    {"cpu/avx512vnni", kInt8, Family::q6, {0.80, 0.47, Unit::int8}},
    {"cpu/avx512vnni", kInt8, Family::q4, {0.79, 0.54, Unit::int8}},
    {"cpu/avx512vnni", kInt8, Family::k, {0.76, 0.56, Unit::int8}},
    {"cpu/avx2", kInt8, Family::half, {0.70, 0.69}},
    {"cpu/avx2", kInt8, Family::f8, {0.30, 0.68}},
    {"cpu/avx2", kInt8, Family::attention, {0.13, 0.59}},
    {"cpu/avx2", kInt8, Family::q8, {0.65, 0.93}},
    {"cpu/avx2", kInt8, Family::q6, {0.64, 1.20}},
    {"cpu/avx2", kInt8, Family::q4, {0.65, 1.20}},
    {"cpu/avx2", kInt8, Family::k, {0.65, 1.20}},
    {"cpu/avx512", kF32, Family::f32, {0.48, 0.55}},
    {"cpu/avx512", kF32, Family::half, {0.52, 0.56}},
    {"cpu/avx512", kF32, Family::f8, {0.34, 0.54}},
    {"cpu/avx512", kF32, Family::q8, {0.39, 0.56}},
    {"cpu/avx512", kF32, Family::q6, {0.23, 0.57}},
    {"cpu/avx512", kF32, Family::q4, {0.24, 0.54}},
    {"cpu/avx512", kF32, Family::k, {0.23, 0.57}},
    {"cpu/avx512", kF32, Family::attention, {0.12, 0.50}},
    {"cpu/avx2", kF32, Family::f32, {0.42, 0.76}},
    {"cpu/avx2", kF32, Family::half, {0.42, 0.76}},
    {"cpu/avx2", kF32, Family::f8, {0.27, 0.76}},
    {"cpu/avx2", kF32, Family::q8, {0.25, 0.67}},
    {"cpu/avx2", kF32, Family::q6, {0.14, 0.73}},
    {"cpu/avx2", kF32, Family::q4, {0.15, 0.67}},
    {"cpu/avx2", kF32, Family::k, {0.14, 0.73}},
    {"cpu/avx2", kF32, Family::attention, {0.13, 0.60}},
};
constexpr Efficiency kReference = {0.02, 0.005};

const Efficiency* find(std::string_view backend, Compute compute, Family family) {
  for (const Row& row : kTable)
    if (row.backend == backend && row.compute == compute && row.family == family) return &row.efficiency;
  return nullptr;
}

/// What an instruction set adds to another is measured; else it does as that one.
std::string_view without_addition(std::string_view backend) {
  if (backend == "cpu/amx") return "cpu/avx512bf16";
  if (backend == "cpu/avx512bf16") return "cpu/avx512vnni";
  if (backend == "cpu/avx512vnni") return "cpu/avx512";
  return {};
}

Efficiency efficiency(std::string_view backend, Compute compute, Family family) {
  for (const Compute c : {compute, Compute::f32})  // which is what a weight gets that the other does not apply to
    for (std::string_view b = backend; !b.empty(); b = without_addition(b))
      if (const Efficiency* found = find(b, c, family)) return *found;
  return kReference;
}

}  // namespace

Efficiency weight_efficiency(std::string_view backend, Compute compute, DType dtype) {
  return efficiency(backend, compute, family_of(dtype));
}

Efficiency attention_efficiency(std::string_view backend, Compute compute) {
  return efficiency(backend, compute, Family::attention);
}

double measured_balance(std::string_view backend) {
  constexpr double kBandwidth = 80e9, kPeakAvx512 = 522e9, kPeakAvx2 = 263e9;
  return (backend == "cpu/avx2" ? kPeakAvx2 : kPeakAvx512) / kBandwidth;
}

}  // namespace dure

#pragma once

#include <string>
#include <vector>

namespace dure {

/// Instruction sets above the x86-64 baseline that this CPU has and the operating system lets programs use.
struct CpuFeatures {
  bool avx2 = false, fma = false, f16c = false;
  bool avx512 = false;  ///< F, BW, VL and DQ together
  bool avx_vnni = false, avx512_vnni = false, avx512_bf16 = false;
  bool amx_bf16 = false, amx_int8 = false;
};

/// Found once; the first call asks the kernel to let this process use AMX tiles, where there are any.
const CpuFeatures& cpu_features();

/// Those that are there, by their usual names: "avx2", "fma", "avx512_vnni".
std::vector<std::string> cpu_feature_names();

}  // namespace dure

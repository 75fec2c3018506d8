#include "backend/cpu/dispatch.h"

#include <fmt/format.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cstdlib>

#include "backend/cpu/cpu.h"
#include "base/error.h"

namespace dure {
namespace {

struct Isa {
  const cpu::Kernels* kernels;
  bool (*usable)();
};

#if defined(__x86_64__)
bool has_f16c() {  // clang's __builtin_cpu_supports does not know it; its registers are those of AVX
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

// The flags of cmake/isa.cmake. The compiler's test asks the operating system too, which must save the wide registers.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
constexpr std::array<Isa, 2> kIsas = {{{&avx2::kKernels, has_avx2}, {&avx512::kKernels, has_avx512}}};
#else
constexpr std::array<Isa, 0> kIsas = {};
#endif

}  // namespace

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas)
    if (isa.usable()) names.emplace_back(isa.kernels->isa);
  const char* forced = std::getenv("DURE_ISA");
  if (forced == nullptr) return names;
  if (std::string_view(forced) == "reference") return {};
  for (const std::string& name : names)
    if (name == forced) return {name};
  fail("DURE_ISA: expected one of reference {}, which this machine can run, found {}", fmt::join(names, " "),
       quote(forced));
}

const cpu::Kernels& kernels_for(std::string_view name) {
  for (const Isa& isa : kIsas)
    if (name == isa.kernels->isa) return *isa.kernels;
  fail("instruction set {}: this build has no kernels for it", quote(name));
}

}  // namespace dure

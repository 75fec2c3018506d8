#include "backend/cpu/features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace dure {
namespace {

#if defined(__x86_64__)
struct CpuId {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  CpuId(unsigned leaf, unsigned part) { __get_cpuid_count(leaf, part, &eax, &ebx, &ecx, &edx); }
};

bool bit(unsigned value, int index) { return (value >> index & 1) != 0; }

/// Which registers the operating system saves (XCR0).
uint64_t saved_registers() {
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

/// Tile data are 8 KiB a thread, so Linux wants to be asked once (since 5.16).
bool may_use_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

CpuFeatures find_features() {
  CpuFeatures f;
  const CpuId basic(1, 0);
  if (!bit(basic.ecx, 27)) return f;  // OSXSAVE: the system saves no wide registers
  const uint64_t saved = saved_registers();
  const bool ymm = (saved & 0x6) == 0x6, zmm = ymm && (saved & 0xe0) == 0xe0, tiles = (saved & 0x60000) == 0x60000;
  const CpuId seven(7, 0), more(7, 1);
  f.avx2 = ymm && bit(seven.ebx, 5);
  f.fma = ymm && bit(basic.ecx, 12);
  f.f16c = ymm && bit(basic.ecx, 29);
  f.avx512 = zmm && bit(seven.ebx, 16) && bit(seven.ebx, 30) && bit(seven.ebx, 31) && bit(seven.ebx, 17);
  f.avx_vnni = f.avx2 && bit(more.eax, 4);
  f.avx512_vnni = f.avx512 && bit(seven.ecx, 11);
  f.avx512_bf16 = f.avx512 && bit(more.eax, 5);
  if (tiles && bit(seven.edx, 24) && may_use_tiles()) {
    f.amx_bf16 = bit(seven.edx, 22);
    f.amx_int8 = bit(seven.edx, 25);
  }
  return f;
}
#else
CpuFeatures find_features() { return {}; }
#endif

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = find_features();
  return features;
}

std::vector<std::string> cpu_feature_names() {
  const CpuFeatures& f = cpu_features();
  const struct {
    bool there;
    const char* name;
  } table[] = {{f.avx2, "avx2"},
               {f.fma, "fma"},
               {f.f16c, "f16c"},
               {f.avx_vnni, "avx_vnni"},
               {f.avx512, "avx512"},
               {f.avx512_vnni, "avx512_vnni"},
               {f.avx512_bf16, "avx512_bf16"},
               {f.amx_bf16, "amx_bf16"},
               {f.amx_int8, "amx_int8"}};
  std::vector<std::string> names;
  for (const auto& row : table)
    if (row.there) names.emplace_back(row.name);
  return names;
}

}  // namespace dure

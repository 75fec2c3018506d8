#include "backend/cpu/dispatch.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "backend/cpu/cpu.h"
#include "backend/cpu/features.h"
#include "base/error.h"

namespace dure {
namespace {

struct Isa {
  const cpu::Kernels* kernels;
  bool (*usable)();
};

#if defined(__x86_64__)
// The flags of cmake/isa.cmake.
bool has_avx2() { return cpu_features().avx2 && cpu_features().fma && cpu_features().f16c; }
bool has_avx512() { return has_avx2() && cpu_features().avx512; }
bool has_avx512vnni() { return has_avx512() && cpu_features().avx512_vnni; }
bool has_avx512bf16() { return has_avx512vnni() && cpu_features().avx512_bf16; }
bool has_amx() { return has_avx512bf16() && cpu_features().amx_bf16; }

cpu::Kernels with_tiles(const char* isa, const cpu::PanelKernels* const* tiles) {
  cpu::Kernels kernels = avx512bf16::kKernels;
  kernels.isa = isa;
  kernels.tiles = tiles;
  return kernels;
}
const cpu::Kernels kAmx = with_tiles("amx", amx::kTiles);
const cpu::Kernels kAmxEmulated = with_tiles("amx-emulated", amx_emulated::kTiles);

constexpr std::array<Isa, 5> kIsas = {{{&avx2::kKernels, has_avx2},
                                       {&avx512::kKernels, has_avx512},
                                       {&avx512vnni::kKernels, has_avx512vnni},
                                       {&avx512bf16::kKernels, has_avx512bf16},
                                       {&kAmx, has_amx}}};
constexpr Isa kTileEmulation = {&kAmxEmulated, has_avx512bf16};
#else
constexpr std::array<Isa, 0> kIsas = {};
constexpr Isa kTileEmulation = {nullptr, [] { return false; }};
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

const cpu::Kernels* tile_emulation() { return kTileEmulation.usable() ? kTileEmulation.kernels : nullptr; }

}  // namespace dure

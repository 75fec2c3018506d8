#include "backend/cpu/probe.h"

#include "backend/cpu/features.h"

namespace dure {
namespace {

#if defined(__x86_64__)

// Instructions stand in assembler and functions name the instruction set of their registers, so that this file is
// baseline code like its neighbours and needs no flags of its own.

using Vec128 = float __attribute__((vector_size(16), may_alias));
using Vec256 = float __attribute__((vector_size(32), may_alias));
using Vec512 = float __attribute__((vector_size(64), may_alias));

constexpr int64_t kChains = 12;  // two units of latency 4 to 6 are full

/// Twelve chains of "instruction a, b, sum".
#define DURE_CHAINS(Vec, instruction)                                                                               \
  Vec v[kChains] = {};                                                                                              \
  const Vec a = {}, b = {};                                                                                         \
  for (int64_t i = 0; i < steps; ++i) {                                                                             \
    asm volatile(instruction "%12, %13, %0\n" instruction "%12, %13, %1\n" instruction "%12, %13, %2\n" instruction \
                             "%12, %13, %3\n" instruction "%12, %13, %4\n" instruction "%12, %13, %5\n" instruction \
                             "%12, %13, %6\n" instruction "%12, %13, %7\n" instruction "%12, %13, %8\n" instruction \
                             "%12, %13, %9\n" instruction "%12, %13, %10\n" instruction "%12, %13, %11\n"           \
                 : "+v"(v[0]), "+v"(v[1]), "+v"(v[2]), "+v"(v[3]), "+v"(v[4]), "+v"(v[5]), "+v"(v[6]), "+v"(v[7]),  \
                   "+v"(v[8]), "+v"(v[9]), "+v"(v[10]), "+v"(v[11])                                                 \
                 : "v"(a), "v"(b));                                                                                 \
  }

[[gnu::target("avx2,fma")]] void fma_256(int64_t steps) { DURE_CHAINS(Vec256, "vfmadd231ps ") }
[[gnu::target("avx512f")]] void fma_512(int64_t steps) { DURE_CHAINS(Vec512, "vfmadd231ps ") }
[[gnu::target("avx2")]] void vnni_256(int64_t steps) { DURE_CHAINS(Vec256, "%{vex%} vpdpbusd ") }
[[gnu::target("avx512f")]] void vnni_512(int64_t steps) { DURE_CHAINS(Vec512, "vpdpbusd ") }
[[gnu::target("avx512f")]] void bf16_512(int64_t steps) { DURE_CHAINS(Vec512, "vdpbf16ps ") }
#undef DURE_CHAINS

/// Tiles of 16 rows of 64 bytes, all eight.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

constexpr int64_t kTileChains = 6;  // of tiles 0 to 5; 6 and 7 hold the factors

/// The compiler knows nothing of tiles here, so it neither uses nor saves them. The whole struct is an input of the
/// instruction: g++ 12's own _tile_loadconfig claims to read eight bytes, and the stores of the others are dropped.
#define DURE_TILE_CHAINS(instruction)                                                                \
  const TileConfig config;                                                                           \
  asm volatile("ldtilecfg %0" ::"m"(config));                                                        \
  asm volatile(                                                                                      \
      "tilezero %tmm0\n tilezero %tmm1\n tilezero %tmm2\n tilezero %tmm3\n"                          \
      "tilezero %tmm4\n tilezero %tmm5\n tilezero %tmm6\n tilezero %tmm7\n");                        \
  for (int64_t i = 0; i < steps; ++i)                                                                \
    asm volatile(instruction "%tmm7, %tmm6, %tmm0\n" instruction "%tmm7, %tmm6, %tmm1\n" instruction \
                             "%tmm7, %tmm6, %tmm2\n" instruction "%tmm7, %tmm6, %tmm3\n" instruction \
                             "%tmm7, %tmm6, %tmm4\n" instruction "%tmm7, %tmm6, %tmm5\n");           \
  asm volatile("tilerelease");

void amx_bf16(int64_t steps) { DURE_TILE_CHAINS("tdpbf16ps ") }
void amx_int8(int64_t steps) { DURE_TILE_CHAINS("tdpbssd ") }
#undef DURE_TILE_CHAINS

template <class Vec>
[[gnu::always_inline]] inline void read_with(const std::byte* data, int64_t bytes) {
  const auto* p = reinterpret_cast<const Vec*>(data);
  const int64_t stream = bytes / 4 / static_cast<int64_t>(sizeof(Vec));
  Vec a = {}, b = {}, c = {}, d = {};
  for (int64_t i = 0; i < stream; ++i) {
    a += p[i];
    b += p[i + stream];
    c += p[i + 2 * stream];
    d += p[i + 3 * stream];
  }
  a += b + c + d;
  asm volatile("" ::"m"(a));
}

void read_128(const std::byte* data, int64_t bytes) { read_with<Vec128>(data, bytes); }
[[gnu::target("avx2")]] void read_256(const std::byte* data, int64_t bytes) { read_with<Vec256>(data, bytes); }
[[gnu::target("avx512f")]] void read_512(const std::byte* data, int64_t bytes) { read_with<Vec512>(data, bytes); }

#endif

}  // namespace

#if defined(__x86_64__)

std::vector<UnitProbe> unit_probes() {
  const CpuFeatures& f = cpu_features();
  // Of one instruction: lanes x 4 bytes / bytes of a factor x 2; a tile product is 16 x 16 x (64 / bytes) x 2.
  const struct {
    bool there;
    UnitProbe probe;
  } table[] = {
      {f.avx2 && f.fma, {"avx2", "f32", kChains * 16, fma_256}},
      {f.avx512, {"avx512", "f32", kChains * 32, fma_512}},
      {f.avx_vnni, {"avx_vnni", "int8", kChains * 64, vnni_256}},
      {f.avx512_vnni, {"avx512_vnni", "int8", kChains * 128, vnni_512}},
      {f.avx512_bf16, {"avx512_bf16", "bf16", kChains * 64, bf16_512}},
      {f.amx_bf16, {"amx", "bf16", kTileChains * 16384, amx_bf16}},
      {f.amx_int8, {"amx", "int8", kTileChains * 32768, amx_int8}},
  };
  std::vector<UnitProbe> probes;
  for (const auto& row : table)
    if (row.there) probes.push_back(row.probe);
  return probes;
}

void read_streams(const std::byte* data, int64_t bytes) {
  const CpuFeatures& f = cpu_features();
  (f.avx512 ? read_512 : f.avx2 ? read_256 : read_128)(data, bytes);
}

#else

std::vector<UnitProbe> unit_probes() { return {}; }

void read_streams(const std::byte* data, int64_t bytes) {
  const auto* p = reinterpret_cast<const uint64_t*>(data);
  const int64_t stream = bytes / 4 / 8;
  uint64_t sum = 0;
  for (int64_t i = 0; i < stream; ++i) sum ^= p[i] ^ p[i + stream] ^ p[i + 2 * stream] ^ p[i + 3 * stream];
  asm volatile("" ::"r"(sum));
}

#endif

}  // namespace dure

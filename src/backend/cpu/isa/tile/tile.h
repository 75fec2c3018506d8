#pragma once

#include "backend/cpu/isa/lanes.h"

// Eight tiles of 16 rows of 64 bytes, and the one product that is used of them. With DURE_TILE_EMULATED the same is
// done by vectors, with the same roundings, so that everything above can be tested where there are no tiles.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int kTileRows = 16, kTilePairs = 16;  ///< rows; pairs of bfloat16, or float32 numbers, of a row

#ifndef DURE_TILE_EMULATED

/// While one lives, its thread has tiles. Instructions are written out: g++ 12 tells its optimiser that ldtilecfg reads
/// 8 bytes only, and drops what is stored to the others; and its intrinsics take no template parameters.
class Tiles {
 public:
  Tiles() {
    struct alignas(64) Config {  // Intel SDM, LDTILECFG
      uint8_t palette, start_row, reserved[14];
      uint16_t row_bytes[16];
      uint8_t rows[16];
    } config = {};
    static_assert(sizeof(Config) == 64, "as the instruction reads it");
    config.palette = 1;
    for (int i = 0; i < 8; ++i) {
      config.row_bytes[i] = 64;
      config.rows[i] = kTileRows;
    }
    asm volatile("ldtilecfg %0" : : "m"(config) : "memory");
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  DURE_INLINE void clear() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  DURE_INLINE void load(const void* rows, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  DURE_INLINE void store(void* rows, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(kTile) : "memory");
  }
  /// C[m, n] += sum over p of the pair A[m, p] times the pair B[p, n].
  template <int kC, int kA, int kB>
  DURE_INLINE void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kC), "i"(kA), "i"(kB));
  }
};

#else

class Tiles {
 public:
  Tiles() : mode_(_mm_getcsr()) {
    constexpr unsigned kNoDenormals = 0x8040;  // neither read nor written
    _mm_setcsr(mode_ | kNoDenormals);
  }
  ~Tiles() { _mm_setcsr(mode_); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  void clear() {
    for (auto& row : tile_[kTile]) store_ints(row, zero_ints());
  }
  template <int kTile>
  void load(const void* rows, int64_t stride) {
    for (int r = 0; r < kTileRows; ++r)
      store_ints(tile_[kTile][r], load_ints(static_cast<const uint8_t*>(rows) + r * stride));
  }
  template <int kTile>
  void store(void* rows, int64_t stride) {
    for (int r = 0; r < kTileRows; ++r)
      store_ints(static_cast<uint8_t*>(rows) + r * stride, load_ints(tile_[kTile][r]));
  }
  /// As Intel's manual defines TDPBF16PS: firsts and seconds of the pairs are added up apart, with one rounding each
  /// step, then both to C.
  template <int kC, int kA, int kB>
  void multiply() {
    const IntVec high = set_ints(static_cast<int32_t>(0xffff0000));
    for (int m = 0; m < kTileRows; ++m) {
      Vec first = zero(), second = zero();
      for (int p = 0; p < kTilePairs; ++p) {
        const IntVec a = broadcast(tile_[kA][m] + 4 * p), b = load_ints(tile_[kB][p]);
        first = fma(from_bits(shift_lanes_left(a, 16)), from_bits(shift_lanes_left(b, 16)), first);
        second = fma(from_bits(and_ints(a, high)), from_bits(and_ints(b, high)), second);
      }
      auto* sum = reinterpret_cast<float*>(tile_[kC][m]);
      dure::DURE_ISA_NAMESPACE::store(sum, add(dure::DURE_ISA_NAMESPACE::load(sum), add(first, second)));
    }
  }

 private:
  unsigned mode_;
  alignas(64) uint8_t tile_[8][kTileRows][64];
};

#endif

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dure {

/// One unit of the CPU that multiplies, kept busy: independent chains of its instruction on registers alone, so that a
/// run takes as long as the unit needs and nothing else.
struct UnitProbe {
  std::string_view unit;       ///< "avx2", "avx512_vnni", "amx"
  std::string_view type;       ///< of the factors: "f32", "bf16", "int8"
  int64_t operations;          ///< of one step; a multiply-add counts two
  void (*run)(int64_t steps);  ///< on the calling thread
};

/// The units of this machine; none on CPUs that the program has no probes for.
std::vector<UnitProbe> unit_probes();

/// Reads `bytes` bytes once, as four streams side by side, with the widest loads of this machine.
/// REQUIRES: 64-byte aligned, bytes a multiple of 256.
void read_streams(const std::byte* data, int64_t bytes);

}  // namespace dure

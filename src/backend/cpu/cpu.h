#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace dure {

/// Instruction sets that this machine can run, slowest first, out of those of dispatch.cc. The environment variable
/// DURE_ISA narrows the choice to one of them, or to none with "reference"; anything else, or a set that the machine
/// lacks, throws Error.
std::vector<std::string> cpu_isas();

/// REQUIRES: isa is one that cpu_isas() lists.
std::unique_ptr<Backend> make_cpu_backend(std::string isa, std::shared_ptr<ThreadPool> threads, Compute compute);

/// For tests: the tile kernels of "amx" run by vectors, for every product that tiles can do. Null if the machine lacks
/// AVX512-BF16.
std::unique_ptr<Backend> make_tile_emulation(std::shared_ptr<ThreadPool> threads);

}  // namespace dure

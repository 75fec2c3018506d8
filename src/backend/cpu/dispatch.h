#pragma once

#include <string_view>

#include "backend/cpu/kernels.h"

namespace dure {

/// The kernels compiled for an instruction set. Throws Error if the build has none of that name.
const cpu::Kernels& kernels_for(std::string_view isa);

/// The kernels of "amx" with vectors that do what tiles do, or null if the machine cannot run them.
const cpu::Kernels* tile_emulation();

}  // namespace dure

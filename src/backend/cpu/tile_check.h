#pragma once

#include "backend/cpu/kernels.h"

namespace dure {

/// Whether the tile kernels of a machine give the bits that their emulation by vectors gives: a few small products of
/// every family of formats, a millisecond. Who adds kernels for machines that he does not have checks before he trusts.
bool tiles_keep_their_word(const cpu::Kernels& kernels);

}  // namespace dure

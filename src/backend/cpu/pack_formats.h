#pragma once

#include <span>

#include "backend/cpu/panel.h"
#include "tensor/dtype.h"

namespace dure {

/// The rows of one panel as they are stored.
struct PanelSource {
  const std::byte* rows;
  int64_t row_bytes;
  int count;           ///< up to kPanelRows; what the others leave is zero already
  int64_t columns;     ///< K
  const float* scale;  ///< F8_E4M3: the factor of each 128 columns, or null
};

/// How rows of a dtype are put into a panel.
struct PanelPacker {
  DType dtype;
  int64_t (*code_bytes)(int64_t K);
  int64_t (*factor_bytes)(int64_t K);
  void (*pack)(const PanelSource& from, uint8_t* codes, uint8_t* factors);
};

std::span<const PanelPacker> integer_packers();  ///< pack_int.cc
std::span<const PanelPacker> float_packers();    ///< pack_float.cc

}  // namespace dure

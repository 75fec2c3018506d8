#pragma once

#include <cstdint>
#include <string_view>

namespace dure {

/// A tensor type of GGUF files, whether or not Dure computes with it.
struct GgufTensorType {
  uint32_t id;  ///< as in the file
  std::string_view name;
  int block;        ///< elements of one block
  int block_bytes;  ///< bytes of one block
};

/// Null for an unknown id.
const GgufTensorType* find_gguf_type(uint32_t id);

/// Null if the files have no such type. Dtypes have the same names.
const GgufTensorType* find_gguf_type(std::string_view name);

}  // namespace dure

#pragma once

#include <cstdint>
#include <string_view>

namespace dure {

/// Element types of tensors, as they lie in files and in memory. The names are those of safetensors and GGUF.
enum class DType : uint8_t {
  F32,
  F16,
  BF16,
  I32,
  I64,
  F8_E4M3,  // one element each
  Q8_0,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  IQ4_NL,
  MXFP4,  // blocks of 32 elements along a row
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,  // blocks of 256 elements along a row
};
inline constexpr int kDTypes = 18;

/// What the rest of the program knows of a dtype. Adding a quantised format is a row of this table plus its header in
/// tensor/quant/ and an `unpack` in each backend.
struct DTypeInfo {
  DType dtype;
  std::string_view name;
  int block;        ///< elements of one block along a row; 1 for plain types
  int block_bytes;  ///< bytes of one block
  bool weight;      ///< a GEMM may take it as its weight
  /// Exact values of n elements (a multiple of block) as float32; null for integers.
  void (*dequantise)(const void* blocks, float* values, int64_t n);
  /// Encodes one row of n elements (a multiple of block): plain types round to nearest, blocks are fitted so that the
  /// squared error is small. `importance` has a weight for the square of each column's error (what `dure imatrix`
  /// measures; not negative), or is null: all columns alike. Plain types do not look at it. Null where there is none.
  void (*quantise)(const float* row, const float* importance, void* blocks, int64_t n);
};

const DTypeInfo& info(DType dtype);
inline std::string_view name(DType dtype) { return info(dtype).name; }

/// Bytes of a row of `columns` elements. Throws Error if the row is not a whole number of blocks.
int64_t row_bytes(DType dtype, int64_t columns);

float f16_to_float(uint16_t bits);
uint16_t float_to_f16(float value);  // round to nearest even
float f8_e4m3_to_float(uint8_t bits);
uint8_t float_to_f8_e4m3(float value);  // round to nearest even, saturating at 448

inline float bf16_to_float(uint16_t bits) { return __builtin_bit_cast(float, uint32_t{bits} << 16); }
inline uint16_t float_to_bf16(float value) {
  const uint32_t u = __builtin_bit_cast(uint32_t, value);
  if ((u & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(u >> 16 | 64);  // NaN stays a quiet NaN
  return static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

}  // namespace dure

#include "tensor/dtype.h"

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "tensor/quant/iq4_nl_block.h"
#include "tensor/quant/k_block.h"
#include "tensor/quant/linear_block.h"
#include "tensor/quant/mxfp4_block.h"
#include "tensor/quant/quant.h"

namespace dure {
namespace {

template <class T, float (*kToFloat)(T)>
void dequantise_plain(const void* from, float* to, int64_t n) {
  const T* values = static_cast<const T*>(from);
  for (int64_t i = 0; i < n; ++i) to[i] = kToFloat(values[i]);
}

template <class T, T (*kFromFloat)(float)>
void quantise_plain(const float* from, const float*, void* to, int64_t n) {
  T* values = static_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i) values[i] = kFromFloat(from[i]);
}

float same(float value) { return value; }

constexpr auto* kToF32 = dequantise_plain<float, same>;
constexpr auto* kFromF32 = quantise_plain<float, same>;
constexpr auto* kToF16 = dequantise_plain<uint16_t, f16_to_float>;
constexpr auto* kFromF16 = quantise_plain<uint16_t, float_to_f16>;
constexpr auto* kToBF16 = dequantise_plain<uint16_t, bf16_to_float>;
constexpr auto* kFromBF16 = quantise_plain<uint16_t, float_to_bf16>;
constexpr auto* kToF8 = dequantise_plain<uint8_t, f8_e4m3_to_float>;
constexpr auto* kFromF8 = quantise_plain<uint8_t, float_to_f8_e4m3>;

// In the order of DType.
constexpr std::array<DTypeInfo, kDTypes> kTable = {{
    {DType::F32, "F32", 1, 4, true, kToF32, kFromF32},
    {DType::F16, "F16", 1, 2, true, kToF16, kFromF16},
    {DType::BF16, "BF16", 1, 2, true, kToBF16, kFromBF16},
    {DType::I32, "I32", 1, 4, false, nullptr, nullptr},
    {DType::I64, "I64", 1, 8, false, nullptr, nullptr},
    {DType::F8_E4M3, "F8_E4M3", 1, 1, true, kToF8, kFromF8},
    {DType::Q8_0, "Q8_0", 32, 34, true, dequantise<BlockQ8_0>, quantise<BlockQ8_0>},
    {DType::Q4_0, "Q4_0", 32, 18, true, dequantise<BlockQ4_0>, quantise<BlockQ4_0>},
    {DType::Q4_1, "Q4_1", 32, 20, true, dequantise<BlockQ4_1>, quantise<BlockQ4_1>},
    {DType::Q5_0, "Q5_0", 32, 22, true, dequantise<BlockQ5_0>, quantise<BlockQ5_0>},
    {DType::Q5_1, "Q5_1", 32, 24, true, dequantise<BlockQ5_1>, quantise<BlockQ5_1>},
    {DType::IQ4_NL, "IQ4_NL", 32, 18, true, dequantise<BlockIQ4_NL>, quantise<BlockIQ4_NL>},
    {DType::MXFP4, "MXFP4", 32, 17, true, dequantise<BlockMXFP4>, quantise<BlockMXFP4>},
    {DType::Q2_K, "Q2_K", 256, 84, true, dequantise<BlockQ2_K>, quantise<BlockQ2_K>},
    {DType::Q3_K, "Q3_K", 256, 110, true, dequantise<BlockQ3_K>, quantise<BlockQ3_K>},
    {DType::Q4_K, "Q4_K", 256, 144, true, dequantise<BlockQ4_K>, quantise<BlockQ4_K>},
    {DType::Q5_K, "Q5_K", 256, 176, true, dequantise<BlockQ5_K>, quantise<BlockQ5_K>},
    {DType::Q6_K, "Q6_K", 256, 210, true, dequantise<BlockQ6_K>, quantise<BlockQ6_K>},
}};

}  // namespace

const DTypeInfo& info(DType dtype) { return kTable[static_cast<size_t>(dtype)]; }

int64_t row_bytes(DType dtype, int64_t columns) {
  const DTypeInfo& type = info(dtype);
  require(columns % type.block == 0, "{} rows are whole blocks of {} elements, found {} columns", type.name, type.block,
          columns);
  return columns / type.block * type.block_bytes;
}

float f16_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t{bits} >> 15 << 31, exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent == 31) return __builtin_bit_cast(float, sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) return (sign ? -1.f : 1.f) * static_cast<float>(mantissa) * 0x1p-24f;
  return __builtin_bit_cast(float, sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t float_to_f16(float value) {
  const uint32_t u = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = u >> 31 << 15, magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);   // NaN
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds to infinity from 65520 on
  if (magnitude < 0x38800000) {                                              // below 2^-14: a subnormal, steps of 2^-24
    const float steps = std::nearbyint(__builtin_bit_cast(float, magnitude) * 0x1p24f);
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(steps));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - (112u << 23)) >> 13);
}

float f8_e4m3_to_float(uint8_t bits) {
  const uint32_t sign = uint32_t{bits} >> 7 << 31, magnitude = bits & 0x7f;
  if (magnitude == 0x7f) return std::nanf("");
  if (magnitude < 8) return (sign ? -1.f : 1.f) * static_cast<float>(magnitude) * 0x1p-9f;  // a subnormal
  return __builtin_bit_cast(float, sign | (magnitude + (120 << 3)) << 20);                  // exponent bias 7 -> 127
}

uint8_t float_to_f8_e4m3(float value) {
  const uint8_t sign = std::signbit(value) ? 0x80 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7f;
  if (magnitude >= 448) return sign | 0x7e;
  if (magnitude < 0x1p-6f) return static_cast<uint8_t>(sign | static_cast<int>(std::nearbyint(magnitude * 0x1p9f)));
  int exponent;
  const float fraction = std::frexp(magnitude, &exponent);            // in [0.5, 1)
  const int steps = static_cast<int>(std::nearbyint(fraction * 16));  // 8 to 16: the carry runs into the exponent
  const int code = ((exponent - 1 + 7) << 3) + (steps - 8);
  return static_cast<uint8_t>(sign | (code > 0x7e ? 0x7e : code));
}

}  // namespace dure

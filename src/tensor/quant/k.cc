// The 256-element super-blocks: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K.
#include "tensor/quant/k_block.h"

#include "tensor/quant/codec.h"

namespace dure {
namespace {

constexpr int kElements = 256;

/// Where element i has its two bits in 64 bytes: the halves of 128 elements take 32 bytes each, whose four pairs of
/// bits serve the half's four runs of 32 elements.
struct TwoBits {
  int byte, shift;
};
TwoBits two_bits(int i) { return {i / 128 * 32 + i % 32, i / 32 % 4 * 2}; }

/// Where it has its four bits in 128 bytes: 32 bytes for 64 elements, the low nibbles for the first 32 of them.
struct FourBits {
  int byte, shift;
};
FourBits four_bits(int i) { return {i / 64 * 32 + i % 32, i / 32 % 2 * 4}; }

/// The same in Q6_K: 64 bytes for 128 elements, the low nibbles for the first 64 of them.
FourBits four_bits_q6(int i) { return {i / 128 * 64 + i % 64, i / 64 % 2 * 4}; }

/// Scale and minimum of 8 groups, 6 bits each, in 12 bytes: bytes 0-3 hold the scales of groups 0-3 and bytes 4-7 their
/// minima; bytes 8-11 hold the low nibbles of groups 4-7 (scale low, minimum high), whose top two bits are in the top
/// of bytes 0-3 (scale) and 4-7 (minimum).
void unpack_scales(const uint8_t* bytes, int* scale, int* min) {
  for (int g = 0; g < 4; ++g) {
    scale[g] = bytes[g] & 63;
    min[g] = bytes[g + 4] & 63;
    scale[g + 4] = (bytes[g + 8] & 15) | bytes[g] >> 6 << 4;
    min[g + 4] = bytes[g + 8] >> 4 | bytes[g + 4] >> 6 << 4;
  }
}
void pack_scales(const int* scale, const int* min, uint8_t* bytes) {
  for (int g = 0; g < 4; ++g) {
    bytes[g] = static_cast<uint8_t>(scale[g] | scale[g + 4] >> 4 << 6);
    bytes[g + 4] = static_cast<uint8_t>(min[g] | min[g + 4] >> 4 << 6);
    bytes[g + 8] = static_cast<uint8_t>((scale[g + 4] & 15) | (min[g + 4] & 15) << 4);
  }
}

}  // namespace

template <>
struct Format<BlockQ2_K> : UniformCodes<0, 3> {
  using Parts = dure::Parts<kElements, 16>;
  static constexpr Range kScales = {0, 15};
  static constexpr Minimum kMinimum = Minimum::Positive;
  static constexpr Weighting kWeighting = {1, 0.3f};

  static Parts unpack(const BlockQ2_K& block) {
    Parts parts;
    parts.d = f16_to_float(block.d);
    parts.dmin = f16_to_float(block.dmin);
    for (int g = 0; g < 16; ++g) {
      parts.scale[g] = block.scales[g] & 15;
      parts.min[g] = block.scales[g] >> 4;
    }
    for (int i = 0; i < kElements; ++i) parts.code[i] = block.qs[two_bits(i).byte] >> two_bits(i).shift & 3;
    return parts;
  }
  static void pack(const Parts& parts, BlockQ2_K& block) {
    block.d = float_to_f16(parts.d);
    block.dmin = float_to_f16(parts.dmin);
    for (int g = 0; g < 16; ++g) block.scales[g] = static_cast<uint8_t>(parts.scale[g] | parts.min[g] << 4);
    for (int i = 0; i < kElements; ++i)
      block.qs[two_bits(i).byte] |= static_cast<uint8_t>(parts.code[i] << two_bits(i).shift);
  }
};

template <>
struct Format<BlockQ3_K> : UniformCodes<-4, 3> {
  using Parts = dure::Parts<kElements, 16>;
  static constexpr Range kScales = {-32, 31};
  static constexpr Minimum kMinimum = Minimum::None;
  static constexpr Weighting kWeighting = {2, 0.25f};

  // A scale has its low nibble in scales[0..7] (groups 0-7 low, 8-15 high) and its top bits in scales[8..11].
  static Parts unpack(const BlockQ3_K& block) {
    Parts parts;
    parts.d = f16_to_float(block.d);
    for (int g = 0; g < 16; ++g) {
      const int low = block.scales[g % 8] >> g / 8 * 4 & 15;
      const int high = block.scales[8 + g % 4] >> g / 4 * 2 & 3;
      parts.scale[g] = (low | high << 4) - 32;
    }
    for (int i = 0; i < kElements; ++i) {
      const int low = block.qs[two_bits(i).byte] >> two_bits(i).shift & 3;
      const int high = block.hmask[i % 32] >> i / 32 & 1;
      parts.code[i] = (low | high << 2) - 4;
    }
    return parts;
  }
  static void pack(const Parts& parts, BlockQ3_K& block) {
    block.d = float_to_f16(parts.d);
    for (int g = 0; g < 16; ++g) {
      const int scale = parts.scale[g] + 32;
      block.scales[g % 8] |= static_cast<uint8_t>((scale & 15) << g / 8 * 4);
      block.scales[8 + g % 4] |= static_cast<uint8_t>(scale >> 4 << g / 4 * 2);
    }
    for (int i = 0; i < kElements; ++i) {
      const int code = parts.code[i] + 4;
      block.qs[two_bits(i).byte] |= static_cast<uint8_t>((code & 3) << two_bits(i).shift);
      block.hmask[i % 32] |= static_cast<uint8_t>(code >> 2 << i / 32);
    }
  }
};

namespace {

/// Q4_K, and Q5_K with its fifth bits.
template <class Block, int kLast>
struct FourBitGroups : UniformCodes<0, kLast> {
  using Parts = dure::Parts<kElements, 8>;
  static constexpr Range kScales = {0, 63};
  static constexpr Minimum kMinimum = Minimum::Positive;
  static constexpr Weighting kWeighting = {1, 1};
  static constexpr bool kFifthBit = requires(Block block) { block.qh; };

  static Parts unpack(const Block& block) {
    Parts parts;
    parts.d = f16_to_float(block.d);
    parts.dmin = f16_to_float(block.dmin);
    unpack_scales(block.scales, parts.scale, parts.min);
    for (int i = 0; i < kElements; ++i) {
      parts.code[i] = block.qs[four_bits(i).byte] >> four_bits(i).shift & 15;
      if constexpr (kFifthBit) parts.code[i] |= (block.qh[i % 32] >> i / 32 & 1) << 4;
    }
    return parts;
  }
  static void pack(const Parts& parts, Block& block) {
    block.d = float_to_f16(parts.d);
    block.dmin = float_to_f16(parts.dmin);
    pack_scales(parts.scale, parts.min, block.scales);
    for (int i = 0; i < kElements; ++i) {
      block.qs[four_bits(i).byte] |= static_cast<uint8_t>((parts.code[i] & 15) << four_bits(i).shift);
      if constexpr (kFifthBit) block.qh[i % 32] |= static_cast<uint8_t>(parts.code[i] >> 4 << i / 32);
    }
  }
};

}  // namespace

template <>
struct Format<BlockQ4_K> : FourBitGroups<BlockQ4_K, 15> {};
template <>
struct Format<BlockQ5_K> : FourBitGroups<BlockQ5_K, 31> {};

template <>
struct Format<BlockQ6_K> : UniformCodes<-32, 31> {
  using Parts = dure::Parts<kElements, 16>;
  static constexpr Range kScales = {-128, 127};
  static constexpr Minimum kMinimum = Minimum::None;
  static constexpr Weighting kWeighting = {2, 0.25f, 0};

  static Parts unpack(const BlockQ6_K& block) {
    Parts parts;
    parts.d = f16_to_float(block.d);
    std::copy(block.scales, block.scales + 16, parts.scale);
    for (int i = 0; i < kElements; ++i) {
      const int low = block.ql[four_bits_q6(i).byte] >> four_bits_q6(i).shift & 15;
      const int high = block.qh[two_bits(i).byte] >> two_bits(i).shift & 3;
      parts.code[i] = (low | high << 4) - 32;
    }
    return parts;
  }
  static void pack(const Parts& parts, BlockQ6_K& block) {
    block.d = float_to_f16(parts.d);
    std::copy(parts.scale, parts.scale + 16, block.scales);
    for (int i = 0; i < kElements; ++i) {
      const int code = parts.code[i] + 32;
      block.ql[four_bits_q6(i).byte] |= static_cast<uint8_t>((code & 15) << four_bits_q6(i).shift);
      block.qh[two_bits(i).byte] |= static_cast<uint8_t>(code >> 4 << two_bits(i).shift);
    }
  }
};

template void dequantise<BlockQ2_K>(const void*, float*, int64_t);
template void dequantise<BlockQ3_K>(const void*, float*, int64_t);
template void dequantise<BlockQ4_K>(const void*, float*, int64_t);
template void dequantise<BlockQ5_K>(const void*, float*, int64_t);
template void dequantise<BlockQ6_K>(const void*, float*, int64_t);
template void quantise<BlockQ2_K>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ3_K>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ4_K>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ5_K>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ6_K>(const float*, const float*, void*, int64_t);

}  // namespace dure

// The 32-element blocks with one scale: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
#include "tensor/quant/linear_block.h"

#include "tensor/quant/codec.h"

namespace dure {

template <>
struct Format<BlockQ8_0> : UniformCodes<-127, 127> {
  using Parts = dure::Parts<32, 1>;
  static constexpr Range kScales = {1, 1};
  static constexpr Minimum kMinimum = Minimum::None;
  static constexpr Search kSearch = {0, 0, 0};
  static constexpr Weighting kWeighting = {0, 0};

  static Parts unpack(const BlockQ8_0& block) {
    Parts parts{f16_to_float(block.d), 0, {1}, {}, {}};
    std::copy(block.qs, block.qs + 32, parts.code);
    return parts;
  }
  static void pack(const Parts& parts, BlockQ8_0& block) {
    block.d = float_to_f16(parts.d);
    std::copy(parts.code, parts.code + 32, block.qs);
  }
};

namespace {

template <class Block>
constexpr bool kHasMinimum = requires(Block block) { block.m; };
template <class Block>
constexpr bool kHasFifthBit = requires(Block block) { block.qh; };

/// The formats of 4 and 5 bits. Those without a minimum count from the middle of the range.
template <class Block, int kBits>
struct Nibbles : UniformCodes<kHasMinimum<Block> ? 0 : -(1 << (kBits - 1)),
                              (kHasMinimum<Block> ? 1 << kBits : 1 << (kBits - 1)) - 1> {
  using Parts = dure::Parts<32, 1>;
  static constexpr Range kScales = {1, 1};
  static constexpr Minimum kMinimum = kHasMinimum<Block> ? Minimum::Any : Minimum::None;
  static constexpr Weighting kWeighting = {0, 0};
  static constexpr int kOffset = kHasMinimum<Block> ? 0 : 1 << (kBits - 1);

  static Parts unpack(const Block& block) {
    Parts parts{f16_to_float(block.d), 0, {1}, {1}, {}};
    if constexpr (kHasMinimum<Block>) parts.dmin = -f16_to_float(block.m);
    for (int i = 0; i < 32; ++i) {
      int code = block.qs[i % 16] >> i / 16 * 4 & 15;
      if constexpr (kHasFifthBit<Block>) code |= (block.qh[i / 8] >> i % 8 & 1) << 4;
      parts.code[i] = code - kOffset;
    }
    return parts;
  }
  static void pack(const Parts& parts, Block& block) {
    block.d = float_to_f16(parts.d);
    if constexpr (kHasMinimum<Block>) block.m = float_to_f16(-parts.dmin);
    for (int i = 0; i < 32; ++i) {
      const int code = parts.code[i] + kOffset;
      block.qs[i % 16] |= static_cast<uint8_t>((code & 15) << i / 16 * 4);
      if constexpr (kHasFifthBit<Block>) block.qh[i / 8] |= static_cast<uint8_t>(code >> 4 << i % 8);
    }
  }
};

}  // namespace

template <>
struct Format<BlockQ4_0> : Nibbles<BlockQ4_0, 4> {};
template <>
struct Format<BlockQ4_1> : Nibbles<BlockQ4_1, 4> {};
template <>
struct Format<BlockQ5_0> : Nibbles<BlockQ5_0, 5> {};
template <>
struct Format<BlockQ5_1> : Nibbles<BlockQ5_1, 5> {};

template void dequantise<BlockQ8_0>(const void*, float*, int64_t);
template void dequantise<BlockQ4_0>(const void*, float*, int64_t);
template void dequantise<BlockQ4_1>(const void*, float*, int64_t);
template void dequantise<BlockQ5_0>(const void*, float*, int64_t);
template void dequantise<BlockQ5_1>(const void*, float*, int64_t);
template void quantise<BlockQ8_0>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ4_0>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ4_1>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ5_0>(const float*, const float*, void*, int64_t);
template void quantise<BlockQ5_1>(const float*, const float*, void*, int64_t);

}  // namespace dure

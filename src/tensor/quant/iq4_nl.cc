// IQ4_NL: 32 elements, one scale, 16 values that are not evenly spaced.
#include "tensor/quant/iq4_nl_block.h"

#include <iterator>

#include "tensor/quant/codec.h"

namespace dure {

template <>
struct Format<BlockIQ4_NL> {
  using Parts = dure::Parts<32, 1>;
  static constexpr Range kCodes = {-127, 113};
  static constexpr Range kScales = {1, 1};
  static constexpr Minimum kMinimum = Minimum::None;
  static constexpr Search kSearch = {4, 2, 8, true};
  static constexpr Weighting kWeighting = {2, 0.4f};

  /// Starts with the first value and steps up at each midpoint that lies below x.
  static Lanes nearest(Lanes x) {
    Lanes value = all(kIQ4NLValues[0]);
    for (int i = 1; i < 16; ++i) {
      const float below = kIQ4NLValues[i - 1], above = kIQ4NLValues[i];
      value += x > all((below + above) / 2) ? all(above - below) : all(0);
    }
    return value;
  }
  static Parts unpack(const BlockIQ4_NL& block) {
    Parts parts{f16_to_float(block.d), 0, {1}, {}, {}};
    for (int i = 0; i < 32; ++i) parts.code[i] = kIQ4NLValues[block.qs[i % 16] >> i / 16 * 4 & 15];
    return parts;
  }
  static void pack(const Parts& parts, BlockIQ4_NL& block) {
    block.d = float_to_f16(parts.d);
    for (int i = 0; i < 32; ++i) {
      const auto index = std::find(kIQ4NLValues, std::end(kIQ4NLValues), parts.code[i]) - kIQ4NLValues;
      block.qs[i % 16] |= static_cast<uint8_t>(index << i / 16 * 4);
    }
  }
};

template void dequantise<BlockIQ4_NL>(const void*, float*, int64_t);
template void quantise<BlockIQ4_NL>(const float*, const float*, void*, int64_t);

}  // namespace dure

// Quantised blocks in the order of panels: backend/cpu/panel.h says which.
#include <cstring>

#include "backend/cpu/pack_formats.h"
#include "tensor/quant/iq4_nl_block.h"
#include "tensor/quant/k_block.h"
#include "tensor/quant/linear_block.h"
#include "tensor/quant/mxfp4_block.h"

namespace dure {

using cpu::Codes;
using cpu::Factors;
using cpu::kPanelGroup;
using cpu::kPanelRows;

namespace {

// Four codes of a row, one in each byte: what a step of a kernel takes.
using Four = uint32_t;
constexpr int kSteps = kPanelGroup / 4;

constexpr Four kLowNibbles = 0x0f0f0f0f;

Four load_four(const uint8_t* p) {
  Four x;
  std::memcpy(&x, p, sizeof x);
  return x;
}

/// A group of one row taken apart, in the order of its panel: `low` holds steps s and s + 4 in its nibbles, or four
/// steps in each of its first two.
struct Group {
  Four low[4] = {};
  Four bits[2] = {};   // those above the low ones
  Four bytes[kSteps];  // Codes::bytes
};

// For each block: Traits<Block>::kCodes, kFactors, and how it is taken apart.
template <class Block>
struct Traits;

template <class Block, Codes kCodesOf, Factors kFactorsOf, int kGroupsOf = 1>
struct TraitsOf {
  static constexpr Codes kCodes = kCodesOf;
  static constexpr Factors kFactors = kFactorsOf;
  static constexpr int kGroups = kGroupsOf;  // of a block
};

void take_nibbles(const uint8_t* qs, Group& g) {
  for (int s = 0; s < 4; ++s) g.low[s] = load_four(qs + 4 * s);
}

/// Bit 4 s + b of `fifth` goes to bit s of byte b.
Four spread_fifth(const uint8_t* qh) {
  const uint32_t fifth = load_four(qh);
  Four out = 0;
  for (int b = 0; b < 4; ++b) {
    uint32_t x = fifth >> b & 0x11111111;
    x = (x | x >> 3) & 0x03030303;
    x = (x | x >> 6) & 0x000f000f;
    out |= ((x | x >> 12) & 0xff) << 8 * b;
  }
  return out;
}

/// The nibbles of 32 bytes, all low ones or all high ones, as one group has them.
void take_half(const uint8_t* bytes, int shift, Group& g) {
  for (int s = 0; s < 4; ++s)
    g.low[s] =
        (load_four(bytes + 4 * s) >> shift & kLowNibbles) | (load_four(bytes + 16 + 4 * s) >> shift & kLowNibbles) << 4;
}

/// Bit i of 32 bytes: that of step s goes to bit s.
Four gather_bits(const uint8_t* bytes, int i) {
  Four out = 0;
  for (int s = 0; s < kSteps; ++s) out |= (load_four(bytes + 4 * s) >> i & 0x01010101) << s;
  return out;
}

/// Group i of a super-block with 2 bits an element, each byte of which belongs to 4 groups.
void take_twos(const uint8_t* qs, int i, Group& g) {
  for (Four& x : g.low) x = 0;
  for (int s = 0; s < kSteps; ++s)
    g.low[s / 4] |= (load_four(qs + i / 4 * 32 + 4 * s) >> 2 * (i % 4) & 0x03030303) << 2 * (s % 4);
}

template <>
struct Traits<BlockQ8_0> : TraitsOf<BlockQ8_0, Codes::bytes, Factors::plain> {
  static void group(const BlockQ8_0& b, int, Group& g) {
    for (int s = 0; s < kSteps; ++s)
      g.bytes[s] = load_four(reinterpret_cast<const uint8_t*>(b.qs) + 4 * s) ^ 0x80808080;
  }
};
template <>
struct Traits<BlockQ4_0> : TraitsOf<BlockQ4_0, Codes::nibbles, Factors::plain> {
  static void group(const BlockQ4_0& b, int, Group& g) { take_nibbles(b.qs, g); }
};
template <>
struct Traits<BlockQ4_1> : TraitsOf<BlockQ4_1, Codes::nibbles, Factors::plain_min> {
  static void group(const BlockQ4_1& b, int, Group& g) { take_nibbles(b.qs, g); }
};
template <>
struct Traits<BlockQ5_0> : TraitsOf<BlockQ5_0, Codes::nibbles_bit, Factors::plain> {
  static void group(const BlockQ5_0& b, int, Group& g) {
    take_nibbles(b.qs, g);
    g.bits[0] = spread_fifth(b.qh);
  }
};
template <>
struct Traits<BlockQ5_1> : TraitsOf<BlockQ5_1, Codes::nibbles_bit, Factors::plain_min> {
  static void group(const BlockQ5_1& b, int, Group& g) {
    take_nibbles(b.qs, g);
    g.bits[0] = spread_fifth(b.qh);
  }
};
template <>
struct Traits<BlockIQ4_NL> : TraitsOf<BlockIQ4_NL, Codes::points, Factors::plain> {
  static void group(const BlockIQ4_NL& b, int, Group& g) { take_nibbles(b.qs, g); }
};
template <>
struct Traits<BlockMXFP4> : TraitsOf<BlockMXFP4, Codes::floats, Factors::plain_bf16> {
  static void group(const BlockMXFP4& b, int, Group& g) { take_nibbles(b.qs, g); }
};
template <>
struct Traits<BlockQ2_K> : TraitsOf<BlockQ2_K, Codes::twos, Factors::scaled_halves_min, 8> {
  static void group(const BlockQ2_K& b, int i, Group& g) { take_twos(b.qs, i, g); }
};
template <>
struct Traits<BlockQ3_K> : TraitsOf<BlockQ3_K, Codes::twos_bit, Factors::scaled, 8> {
  static void group(const BlockQ3_K& b, int i, Group& g) {
    take_twos(b.qs, i, g);
    g.bits[0] = gather_bits(b.hmask, i);
  }
};
template <>
struct Traits<BlockQ4_K> : TraitsOf<BlockQ4_K, Codes::nibbles, Factors::scaled_min, 8> {
  static void group(const BlockQ4_K& b, int i, Group& g) { take_half(b.qs + i / 2 * 32, i % 2 * 4, g); }
};
template <>
struct Traits<BlockQ5_K> : TraitsOf<BlockQ5_K, Codes::nibbles_bit, Factors::scaled_min, 8> {
  static void group(const BlockQ5_K& b, int i, Group& g) {
    take_half(b.qs + i / 2 * 32, i % 2 * 4, g);
    g.bits[0] = gather_bits(b.qh, i);
  }
};
template <>
struct Traits<BlockQ6_K> : TraitsOf<BlockQ6_K, Codes::nibbles_two, Factors::scaled, 8> {
  static void group(const BlockQ6_K& b, int i, Group& g) {
    const int half = i / 4, quarter = i % 4;
    take_half(b.ql + 64 * half + quarter % 2 * 32, quarter / 2 * 4, g);
    for (int part = 0; part < 2; ++part) {
      g.bits[part] = 0;
      for (int s = 0; s < 4; ++s)
        g.bits[part] |= (load_four(b.qh + 32 * half + 16 * part + 4 * s) >> 2 * quarter & 0x03030303) << 2 * s;
    }
  }
};

void put(uint8_t* to, uint16_t bits) { std::memcpy(to, &bits, sizeof bits); }

/// The factors of a block in lane r of `to`, which begins the factors of factor_groups() groups.
void put_factors(const BlockQ8_0& b, int r, uint8_t* to) { put(to + 2 * r, b.d); }
void put_factors(const BlockQ4_0& b, int r, uint8_t* to) { put(to + 2 * r, b.d); }
void put_factors(const BlockQ5_0& b, int r, uint8_t* to) { put(to + 2 * r, b.d); }
void put_factors(const BlockIQ4_NL& b, int r, uint8_t* to) { put(to + 2 * r, b.d); }
void put_factors(const BlockMXFP4& b, int r, uint8_t* to) {
  put(to + 2 * r, static_cast<uint16_t>(mxfp4_half_scale(b.e) >> 16));
}
template <class Block>
void put_with_minimum(const Block& b, int r, uint8_t* to) {
  put(to + 2 * r, b.d);
  put(to + 32 + 2 * r, b.m ^ 0x8000);  // what is added is a minimum taken off
}
void put_factors(const BlockQ4_1& b, int r, uint8_t* to) { put_with_minimum(b, r, to); }
void put_factors(const BlockQ5_1& b, int r, uint8_t* to) { put_with_minimum(b, r, to); }
template <class Block>
void put_scaled(const Block& b, int r, uint8_t* to) {
  put(to + 2 * r, b.d);
  put(to + 32 + 2 * r, b.dmin);
  uint8_t *scale = to + 64 + r, *min = scale + 8 * kPanelRows;
  for (int g = 0; g < 4; ++g) {  // the 6-bit numbers of Q4_K; docs/formats/quantisation-blocks.md
    scale[g * kPanelRows] = b.scales[g] & 63;
    min[g * kPanelRows] = b.scales[g + 4] & 63;
    scale[(g + 4) * kPanelRows] = static_cast<uint8_t>((b.scales[g + 8] & 15) | b.scales[g] >> 6 << 4);
    min[(g + 4) * kPanelRows] = static_cast<uint8_t>(b.scales[g + 8] >> 4 | b.scales[g + 4] >> 6 << 4);
  }
}
void put_factors(const BlockQ4_K& b, int r, uint8_t* to) { put_scaled(b, r, to); }
void put_factors(const BlockQ5_K& b, int r, uint8_t* to) { put_scaled(b, r, to); }
void put_factors(const BlockQ6_K& b, int r, uint8_t* to) {
  put(to + 2 * r, b.d);
  for (int g = 0; g < 16; ++g) to[32 + g * kPanelRows + r] = static_cast<uint8_t>(b.scales[g]);
}
void put_factors(const BlockQ3_K& b, int r, uint8_t* to) {
  put(to + 2 * r, b.d);
  for (int g = 0; g < 16; ++g) {
    const int low = b.scales[g % 8] >> g / 8 * 4 & 15, high = b.scales[8 + g % 4] >> g / 4 * 2 & 3;
    to[32 + g * kPanelRows + r] = static_cast<uint8_t>((low | high << 4) - 32);
  }
}
void put_factors(const BlockQ2_K& b, int r, uint8_t* to) {
  put(to + 2 * r, b.d);
  put(to + 32 + 2 * r, b.dmin);
  for (int g = 0; g < 16; ++g) to[64 + g * kPanelRows + r] = b.scales[g];
}

/// Lane r of one group's code planes.
template <Codes kCodes>
void put_codes(const Group& g, int r, uint8_t* to) {
  const auto lane = [&](int vector, Four x) { std::memcpy(to + 64 * vector + 4 * r, &x, sizeof x); };
  if constexpr (kCodes == Codes::bytes) {
    for (int s = 0; s < kSteps; ++s) lane(s, g.bytes[s]);
  } else {
    constexpr int kLow = kCodes == Codes::twos || kCodes == Codes::twos_bit ? 2 : 4;
    for (int s = 0; s < kLow; ++s) lane(s, g.low[s]);
    for (int i = kLow; i < code_bytes(kCodes) / 64; ++i) lane(i, g.bits[i - kLow]);
  }
}

template <class Block>
void pack_panel(const PanelSource& from, uint8_t* codes, uint8_t* factors) {
  using T = Traits<Block>;
  const int64_t blocks = from.columns / (T::kGroups * kPanelGroup);
  Group g;
  for (int64_t i = 0; i < blocks; ++i, factors += factor_bytes(T::kFactors))
    for (int r = 0; r < from.count; ++r) {
      const auto& block =
          *reinterpret_cast<const Block*>(from.rows + r * from.row_bytes + i * static_cast<int64_t>(sizeof(Block)));
      put_factors(block, r, factors);
      for (int k = 0; k < T::kGroups; ++k) {
        T::group(block, k, g);
        put_codes<T::kCodes>(g, r, codes + (i * T::kGroups + k) * code_bytes(T::kCodes));
      }
    }
}

template <class Block>
constexpr PanelPacker packer(DType dtype) {
  using T = Traits<Block>;
  return {dtype, [](int64_t K) { return K / kPanelGroup * code_bytes(T::kCodes); },
          [](int64_t K) { return K / (T::kGroups * kPanelGroup) * factor_bytes(T::kFactors); }, pack_panel<Block>};
}
constexpr PanelPacker kPackers[] = {
    packer<BlockQ8_0>(DType::Q8_0),   packer<BlockQ4_0>(DType::Q4_0), packer<BlockQ4_1>(DType::Q4_1),
    packer<BlockQ5_0>(DType::Q5_0),   packer<BlockQ5_1>(DType::Q5_1), packer<BlockIQ4_NL>(DType::IQ4_NL),
    packer<BlockMXFP4>(DType::MXFP4), packer<BlockQ2_K>(DType::Q2_K), packer<BlockQ3_K>(DType::Q3_K),
    packer<BlockQ4_K>(DType::Q4_K),   packer<BlockQ5_K>(DType::Q5_K), packer<BlockQ6_K>(DType::Q6_K)};

}  // namespace

std::span<const PanelPacker> integer_packers() { return kPackers; }

}  // namespace dure

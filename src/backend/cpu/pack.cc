#include "backend/cpu/pack.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "tensor/quant/k_block.h"
#include "tensor/quant/linear_block.h"

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

/// A group of one row taken apart, in the order of its panel: `low` holds steps s and s + 4 in its nibbles.
struct Group {
  Four low[4] = {};
  Four bits[2] = {};   // Codes::nibbles_bit: the first; Codes::nibbles_two: both
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
struct Traits<BlockQ4_K> : TraitsOf<BlockQ4_K, Codes::nibbles, Factors::scaled_min, 8> {
  static void group(const BlockQ4_K& b, int i, Group& g) { take_half(b.qs + i / 2 * 32, i % 2 * 4, g); }
};
template <>
struct Traits<BlockQ5_K> : TraitsOf<BlockQ5_K, Codes::nibbles_bit, Factors::scaled_min, 8> {
  static void group(const BlockQ5_K& b, int i, Group& g) {
    take_half(b.qs + i / 2 * 32, i % 2 * 4, g);
    g.bits[0] = 0;
    for (int s = 0; s < kSteps; ++s) g.bits[0] |= (load_four(b.qh + 4 * s) >> i & 0x01010101) << s;
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

/// Lane r of one group's code planes.
template <Codes kCodes>
void put_codes(const Group& g, int r, uint8_t* to) {
  const auto lane = [&](int vector, Four x) { std::memcpy(to + 64 * vector + 4 * r, &x, sizeof x); };
  if constexpr (kCodes == Codes::bytes) {
    for (int s = 0; s < kSteps; ++s) lane(s, g.bytes[s]);
  } else {
    for (int s = 0; s < 4; ++s) lane(s, g.low[s]);
    if constexpr (kCodes != Codes::nibbles) lane(4, g.bits[0]);
    if constexpr (kCodes == Codes::nibbles_two) lane(5, g.bits[1]);
  }
}

template <class Block>
void pack_panel(const std::byte* rows, int64_t row_bytes, int count, int64_t columns, uint8_t* codes,
                uint8_t* factors) {
  using T = Traits<Block>;
  const int64_t blocks = columns / (T::kGroups * kPanelGroup);
  Group g;
  for (int64_t i = 0; i < blocks; ++i, factors += factor_bytes(T::kFactors))
    for (int r = 0; r < count; ++r) {
      const auto& block =
          *reinterpret_cast<const Block*>(rows + r * row_bytes + i * static_cast<int64_t>(sizeof(Block)));
      put_factors(block, r, factors);
      for (int k = 0; k < T::kGroups; ++k) {
        T::group(block, k, g);
        put_codes<T::kCodes>(g, r, codes + (i * T::kGroups + k) * code_bytes(T::kCodes));
      }
    }
}

struct Packer {
  DType dtype;
  Codes codes;
  Factors factors;
  void (*pack)(const std::byte* rows, int64_t row_bytes, int count, int64_t columns, uint8_t* codes, uint8_t* factors);
};
template <class Block>
constexpr Packer packer(DType dtype) {
  return {dtype, Traits<Block>::kCodes, Traits<Block>::kFactors, pack_panel<Block>};
}
constexpr Packer kPackers[] = {packer<BlockQ8_0>(DType::Q8_0), packer<BlockQ4_0>(DType::Q4_0),
                               packer<BlockQ4_1>(DType::Q4_1), packer<BlockQ5_0>(DType::Q5_0),
                               packer<BlockQ5_1>(DType::Q5_1), packer<BlockQ4_K>(DType::Q4_K),
                               packer<BlockQ5_K>(DType::Q5_K), packer<BlockQ6_K>(DType::Q6_K)};

constexpr int64_t kHugePage = 2 << 20, kPiece = 32 * kHugePage;

std::shared_ptr<uint8_t> map_memory(int64_t bytes) {
  const size_t size = static_cast<size_t>((bytes + 2 * kHugePage - 1) / kHugePage * kHugePage);
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(base != MAP_FAILED, "out of memory: {} bytes for weights", bytes);
  const auto begin = (reinterpret_cast<uintptr_t>(base) + kHugePage - 1) / kHugePage * kHugePage;
  ::madvise(reinterpret_cast<void*>(begin), static_cast<size_t>(bytes), MADV_HUGEPAGE);  // where the system has them
  return {reinterpret_cast<uint8_t*>(begin), [base, size](uint8_t*) { ::munmap(base, size); }};
}

}  // namespace

std::shared_ptr<uint8_t> PanelMemory::take(int64_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  if (bytes > kPiece / 4) return map_memory(bytes);
  const std::lock_guard lock(mutex_);
  if (used_ + bytes > size_) {
    piece_ = map_memory(kPiece);
    size_ = kPiece;
    used_ = 0;
  }
  std::shared_ptr<uint8_t> taken(piece_, piece_.get() + used_);
  used_ += bytes;
  return taken;
}

std::shared_ptr<const cpu::PanelRows> pack_panels(const Tensor& data, PanelMemory& memory, ThreadPool& threads) {
  const auto* packer =
      std::find_if(std::begin(kPackers), std::end(kPackers), [&](const Packer& p) { return p.dtype == data.dtype(); });
  if (packer == std::end(kPackers)) return nullptr;
  const ConstView v = data.view();
  const int64_t N = data.dim(0), K = data.dim(1), groups = K / kPanelGroup;
  const int64_t panels = (N + kPanelRows - 1) / kPanelRows;
  const int64_t row = v.strides[0] / info(v.dtype).block * info(v.dtype).block_bytes;
  const int64_t codes = groups * code_bytes(packer->codes);
  const int64_t factors = groups / factor_groups(packer->factors) * factor_bytes(packer->factors);
  const int64_t panel = (codes + factors + 63) / 64 * 64;

  const std::shared_ptr<uint8_t> to = memory.take(panels * panel);
  const int64_t grain = std::max<int64_t>((int64_t{256} << 10) / panel, 1);
  threads.parallel_for(panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int count = static_cast<int>(std::min<int64_t>(kPanelRows, N - p * kPanelRows));
      uint8_t* at = to.get() + p * panel;
      if (count < kPanelRows) std::memset(at, 0, static_cast<size_t>(panel));
      packer->pack(static_cast<const std::byte*>(v.data) + p * kPanelRows * row, row, count, K, at, at + codes);
    }
  });
  struct Packed {
    cpu::PanelRows rows;
    std::shared_ptr<const uint8_t> memory;
  };
  auto packed = std::make_shared<Packed>(Packed{{to.get(), N, K, panel, codes}, to});
  return {packed, &packed->rows};
}

}  // namespace dure

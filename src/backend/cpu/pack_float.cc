// Weights that are no integers in the order of panels: backend/cpu/panel.h says which.
#include <algorithm>
#include <cstring>

#include "backend/cpu/kernels.h"
#include "backend/cpu/pack_formats.h"

namespace dure {
namespace {

using cpu::kPanelQuad;
using cpu::kPanelRows;

constexpr int64_t quads(int64_t K) { return (K + kPanelQuad - 1) / kPanelQuad; }

// Where element (r, c) of a quad lies, in elements.
int pairs_place(int r, int c) { return c / 2 * 2 * kPanelRows + 2 * r + c % 2; }
int column_place(int r, int c) { return c * kPanelRows + r; }
int half_pairs_place(int r, int c) { return r / 4 * 16 + c / 2 * 8 + r % 4 * 2 + c % 2; }

template <class T, int (*kPlace)(int, int)>
void pack_quads(const PanelSource& from, uint8_t* codes, uint8_t* factors) {
  auto* to = reinterpret_cast<T*>(codes);
  for (int64_t k = 0; k < from.columns; k += kPanelQuad, to += kPanelQuad * kPanelRows) {
    const int64_t count = std::min<int64_t>(kPanelQuad, from.columns - k);
    for (int r = 0; r < from.count; ++r) {
      T quad[kPanelQuad] = {};
      std::memcpy(quad, from.rows + r * from.row_bytes + k * static_cast<int64_t>(sizeof(T)),
                  static_cast<size_t>(count) * sizeof(T));
      for (int c = 0; c < kPanelQuad; ++c) to[kPlace(r, c)] = quad[c];
    }
  }
  if (sizeof(T) > 1) return;
  for (int64_t b = 0; b < (from.columns + cpu::kScaleBlock - 1) / cpu::kScaleBlock; ++b) {
    const float factor = from.scale ? from.scale[b] : 1;
    std::memcpy(factors + b * 4, &factor, sizeof factor);
  }
}

template <class T, int (*kPlace)(int, int)>
constexpr PanelPacker packer(DType dtype) {
  return {dtype, [](int64_t K) { return quads(K) * kPanelQuad * kPanelRows * static_cast<int64_t>(sizeof(T)); },
          [](int64_t K) {
            return sizeof(T) > 1 ? 0 : (K + cpu::kScaleBlock - 1) / cpu::kScaleBlock * int64_t{sizeof(float)};
          },
          pack_quads<T, kPlace>};
}
constexpr PanelPacker kPackers[] = {packer<uint16_t, pairs_place>(DType::BF16),
                                    packer<uint16_t, column_place>(DType::F16),
                                    packer<uint8_t, half_pairs_place>(DType::F8_E4M3)};

}  // namespace

std::span<const PanelPacker> float_packers() { return kPackers; }

}  // namespace dure

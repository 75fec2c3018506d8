#include "backend/cpu/pack.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "backend/cpu/kernels.h"
#include "backend/cpu/pack_formats.h"
#include "base/error.h"

namespace dure {

using cpu::kPanelRows;

namespace {

constexpr int64_t kHugePage = 2 << 20, kPiece = 32 * kHugePage;

std::shared_ptr<uint8_t> map_memory(int64_t bytes) {
  const size_t size = static_cast<size_t>((bytes + 2 * kHugePage - 1) / kHugePage * kHugePage);
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(base != MAP_FAILED, "out of memory: {} bytes for weights", bytes);
  const auto begin = (reinterpret_cast<uintptr_t>(base) + kHugePage - 1) / kHugePage * kHugePage;
  ::madvise(reinterpret_cast<void*>(begin), static_cast<size_t>(bytes), MADV_HUGEPAGE);  // where the system has them
  return {reinterpret_cast<uint8_t*>(begin), [base, size](uint8_t*) { ::munmap(base, size); }};
}

const PanelPacker* packer_of(DType dtype) {
  for (const auto packers : {integer_packers(), float_packers()})
    for (const PanelPacker& p : packers)
      if (p.dtype == dtype) return &p;
  return nullptr;
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

std::shared_ptr<const cpu::PanelRows> pack_panels(const Tensor& data, const Tensor& scale, PanelMemory& memory,
                                                  ThreadPool& threads) {
  const PanelPacker* packer = packer_of(data.dtype());
  if (packer == nullptr) return nullptr;
  const ConstView v = data.view();
  const int64_t N = data.dim(0), K = data.dim(1), panels = (N + kPanelRows - 1) / kPanelRows;
  const int64_t row = v.strides[0] / info(v.dtype).block * info(v.dtype).block_bytes;
  const int64_t codes = packer->code_bytes(K), panel = (codes + packer->factor_bytes(K) + 63) / 64 * 64;

  const std::shared_ptr<uint8_t> to = memory.take(panels * panel);
  const int64_t grain = std::max<int64_t>((int64_t{256} << 10) / panel, 1);
  threads.parallel_for(panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * kPanelRows;
      const PanelSource from = {static_cast<const std::byte*>(v.data) + first * row, row,
                                static_cast<int>(std::min<int64_t>(kPanelRows, N - first)), K,
                                scale.defined() ? ConstView(scale.view()).row(first / cpu::kScaleBlock) : nullptr};
      uint8_t* at = to.get() + p * panel;
      if (from.count < kPanelRows) std::memset(at, 0, static_cast<size_t>(panel));
      packer->pack(from, at, at + codes);
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

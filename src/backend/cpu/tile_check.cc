#include "backend/cpu/tile_check.h"

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/dispatch.h"

namespace dure {
namespace {

/// Reproducible values in [-1, 1).
std::vector<float> noise(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) {
    seed = seed * 1664525 + 1013904223;
    v = static_cast<float>(static_cast<int32_t>(seed)) / 2147483648.0f;
  }
  return values;
}

/// x w^T by one backend: [M, N].
std::vector<float> product(CpuBackend& backend, Device& device, const Tensor& data, const std::vector<float>& x,
                           int64_t M) {
  const int64_t N = data.dim(0), K = data.dim(1);
  const Weight w = backend.prepare(data, {});
  Tensor y = Tensor::empty(device, DType::F32, {M, N});
  backend.gemm(y.view(), Tensor::from(device, x, {M, K}).view(), w, Direction::forward);
  return y.to_floats();
}

}  // namespace

bool tiles_keep_their_word(const cpu::Kernels& kernels) {
  const cpu::Kernels* emulation = tile_emulation();
  if (emulation == nullptr) return false;
  const auto threads = std::make_shared<ThreadPool>(1);
  const auto backend = [&](const cpu::Kernels& k) {
    return std::make_shared<CpuBackend>(k, threads, Compute::int8, CpuBackend::Units::tiles);
  };
  const auto real = backend(kernels), emulated = backend(*emulation);
  Device device(threads, emulated);
  constexpr int64_t N = 40, K = 1280, M = 37;  // rests in every direction, and more than one slab of columns
  const std::vector<float> values = noise(N * K, 1), x = noise(M * K, 2);
  for (const DType dtype : {DType::BF16, DType::Q8_0, DType::Q4_K}) {
    Tensor data = Tensor::empty(device, dtype, {N, K});
    for (int64_t n = 0; n < N; ++n)
      info(dtype).quantise(values.data() + n * K, nullptr, data.rows(n, 1).view().data, K);
    const std::vector<float> a = product(*real, device, data, x, M), b = product(*emulated, device, data, x, M);
    if (std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) != 0) return false;
  }
  return true;
}

}  // namespace dure

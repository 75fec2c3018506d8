// GEMM kernels per weight dtype beside what the machine can do: how fast it reads memory, and its float32 peak. One row
// of activations (decode) is bound by the former, many rows (prefill) by the latter.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <random>

#include "backend/cpu/cpu.h"
#include "backend/registry.h"

namespace dure {
namespace {

constexpr int64_t kColumns = 2048;
constexpr int64_t kStreamedBytes = 128 << 20;  // several times the last cache
constexpr int64_t kRows = 2048;                // of the weight, where arithmetic is measured

/// Rows of random weights; the first 64 are quantised, the others repeat them.
Weight make_weight(Device& device, DType dtype, int64_t rows, int64_t columns) {
  constexpr int64_t kDistinct = 64;
  std::mt19937 rng(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> values(static_cast<size_t>(kDistinct * columns));
  for (float& v : values) v = normal(rng);
  Weight w{Tensor::empty(device, dtype, {rows, columns}), {}, Layout::rows};
  auto* data = static_cast<std::byte*>(w.data.view().data);
  const size_t row = static_cast<size_t>(row_bytes(dtype, columns));
  info(dtype).quantise(values.data(), nullptr, data, kDistinct * columns);
  for (int64_t r = kDistinct; r < rows; ++r) std::memcpy(data + r * row, data + r % kDistinct * row, row);
  if (dtype == DType::F8_E4M3) {
    w.scale = Tensor::empty(device, DType::F32, {(rows + 127) / 128, (columns + 127) / 128});
    for (float& s : w.scale.data()) s = 0.01f;
  }
  return device.backend().prepare(w.data, w.scale);
}

void gemm(benchmark::State& state, const std::string& backend, DType dtype, int64_t batch, int threads) {
  const std::unique_ptr<Device> device = make_device({backend, threads, Compute::f32});
  const int64_t rows = batch == 1 ? kStreamedBytes / row_bytes(dtype, kColumns) : kRows;
  const Weight w = make_weight(*device, dtype, rows, kColumns);
  Tensor x = Tensor::zeros(*device, DType::F32, {batch, kColumns});
  for (size_t i = 0; i < x.data().size(); ++i) x.data()[i] = static_cast<float>(i % 31) / 31;
  Tensor y = Tensor::zeros(*device, DType::F32, {batch, rows});
  for (auto _ : state) device->backend().gemm(y.view(), x.view(), w, Direction::forward);
  const double flops = 2. * static_cast<double>(batch * rows * kColumns);
  if (batch == 1)
    state.counters["GB/s"] =
        benchmark::Counter(static_cast<double>(w.data.bytes()) / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  else
    state.counters["GFLOP/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

#if defined(__x86_64__)
/// Four streams a thread, as the kernels read.
__attribute__((target("avx2"))) void read_memory(benchmark::State& state, int team) {
  using Bytes = long long __attribute__((vector_size(32)));
  ThreadPool threads(team);
  const int64_t pieces = 64, vectors = int64_t{1} << 14, stream = vectors / 4;  // 512 KiB a piece
  std::vector<float> memory(static_cast<size_t>(pieces * 16 * vectors * 8), 1.f);
  for (auto _ : state)
    threads.parallel_for(
        pieces * 16, 1, [&](int64_t piece, int64_t) __attribute__((target("avx2"))) {
          const auto* p = reinterpret_cast<const Bytes*>(memory.data()) + piece * vectors;
          Bytes a{}, b{}, c{}, d{};
          for (int64_t i = 0; i < stream; ++i) {
            a |= p[i];
            b |= p[i + stream];
            c |= p[i + 2 * stream];
            d |= p[i + 3 * stream];
          }
          a |= b | c | d;
          benchmark::DoNotOptimize(a[0] | a[1] | a[2] | a[3]);
        });
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(memory.size()) * 4 / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

/// Twelve independent chains of fused multiply-adds a thread.
template <class Vec>
inline __attribute__((always_inline)) void fma_chains(benchmark::State& state, ThreadPool& threads,
                                                      void (*run)(int64_t)) {
  constexpr int64_t kSteps = 200'000, kPieces = 8;
  for (auto _ : state) threads.parallel_for(kPieces, 1, [&](int64_t, int64_t) { run(kSteps); });
  state.counters["GFLOP/s"] = benchmark::Counter(2. * 12 * kPieces * kSteps * sizeof(Vec) / sizeof(float) / 1e9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

using Vec256 = float __attribute__((vector_size(32)));
using Vec512 = float __attribute__((vector_size(64)));

#define DURE_CHAINS(Vec, instruction)                                                                               \
  Vec v[12] = {};                                                                                                   \
  const Vec a = {}, b = {};                                                                                         \
  for (int64_t i = 0; i < steps; ++i) {                                                                             \
    asm volatile(instruction "%12, %13, %0\n" instruction "%12, %13, %1\n" instruction "%12, %13, %2\n" instruction \
                             "%12, %13, %3\n" instruction "%12, %13, %4\n" instruction "%12, %13, %5\n" instruction \
                             "%12, %13, %6\n" instruction "%12, %13, %7\n" instruction "%12, %13, %8\n" instruction \
                             "%12, %13, %9\n" instruction "%12, %13, %10\n" instruction "%12, %13, %11\n"           \
                 : "+v"(v[0]), "+v"(v[1]), "+v"(v[2]), "+v"(v[3]), "+v"(v[4]), "+v"(v[5]), "+v"(v[6]), "+v"(v[7]),  \
                   "+v"(v[8]), "+v"(v[9]), "+v"(v[10]), "+v"(v[11])                                                 \
                 : "v"(a), "v"(b));                                                                                 \
  }

__attribute__((target("avx2,fma"))) void chains_avx2(int64_t steps) { DURE_CHAINS(Vec256, "vfmadd231ps ") }
__attribute__((target("avx512f"))) void chains_avx512(int64_t steps) { DURE_CHAINS(Vec512, "vfmadd231ps ") }

void fma_peak(benchmark::State& state, const std::string& isa, int team) {
  ThreadPool threads(team);
  if (isa == "avx512")
    fma_chains<Vec512>(state, threads, chains_avx512);
  else
    fma_chains<Vec256>(state, threads, chains_avx2);
}
#endif

/// One thread is measured in CPU time, which other programs disturb less; all threads in real time.
void register_all(int threads) {
  const auto add = [=](std::string name, auto run) {
    if (threads == 1) name += "/1thread";
    auto* made = benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
    if (threads != 1) made->UseRealTime();
  };
#if defined(__x86_64__)
  add("memory/read", [=](benchmark::State& state) { read_memory(state, threads); });
  for (const std::string& isa : cpu_isas())
    add("peak/fma_f32/" + isa, [=](benchmark::State& state) { fma_peak(state, isa, threads); });
#endif
  for (const std::string& isa : cpu_isas())
    for (int i = 0; i < kDTypes; ++i) {
      const DType dtype = static_cast<DType>(i);
      if (!info(dtype).weight) continue;
      for (int64_t batch : {1, 4, 32, 512})
        add(fmt::format("gemm/{}/{}/M={}", isa, name(dtype), batch),
            [=](benchmark::State& state) { gemm(state, "cpu/" + isa, dtype, batch, threads); });
    }
}

const int registered = (register_all(1), register_all(0), 0);

}  // namespace
}  // namespace dure

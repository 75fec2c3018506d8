// GEMM kernels per weight dtype beside what the machine can do: how fast it reads memory, and its float32 peak. One row
// of activations (decode) is bound by the former, many rows (prefill) by the latter.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <random>

#include "backend/cpu/cpu.h"
#include "backend/cpu/probe.h"
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
  Weight w{Tensor::empty(device, dtype, {rows, columns}), {}};
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

void gemm(benchmark::State& state, const std::string& backend, Compute compute, DType dtype, int64_t batch,
          int threads) {
  const std::unique_ptr<Device> device = make_device({backend, threads, compute});
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

/// The experts of a layer of DeepSeek-V2-Lite: 64 of 1408 hidden channels, of which each token chooses 6.
void moe(benchmark::State& state, const std::string& backend, DType dtype, int64_t tokens, int threads) {
  constexpr int64_t kHidden = 2048, kExperts = 64, kChannels = 1408, kChosen = 6;
  const std::unique_ptr<Device> device = make_device({backend, threads, Compute::int8});
  const DType down = kChannels % info(dtype).block == 0 ? dtype : DType::Q8_0;
  std::vector<Expert> experts;
  for (int64_t e = 0; e < kExperts; ++e)
    experts.push_back({make_weight(*device, dtype, kChannels, kHidden), make_weight(*device, dtype, kChannels, kHidden),
                       make_weight(*device, down, kHidden, kChannels)});
  Tensor x = Tensor::zeros(*device, DType::F32, {tokens, kHidden}), y = Tensor::zeros(*device, DType::F32, x.shape());
  for (size_t i = 0; i < x.data().size(); ++i) x.data()[i] = static_cast<float>(i % 31) / 31;
  Tensor weights = Tensor::zeros(*device, DType::F32, {tokens, kChosen});
  std::vector<int> ids(static_cast<size_t>(tokens * kChosen));
  int step = 0;
  for (auto _ : state) {  // other experts every time, as in a model
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = (static_cast<int>(i) % 6 * 10 + static_cast<int>(i) / 6 * 7 + step) % 10 + static_cast<int>(i) % 6 * 10;
    ++step;
    device->backend().moe(y.view(), x.view(), experts, Tensor::from(*device, ids).alias({tokens, kChosen}).view(),
                          weights.view());
  }
  state.counters["us"] =
      benchmark::Counter(1e-6, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Four streams a thread, as the kernels read.
void read_memory(benchmark::State& state, int team) {
  constexpr int64_t kPieces = 1024, kPiece = 512 << 10;
  ThreadPool threads(team);
  std::vector<std::byte> memory(kPieces * kPiece + 64, std::byte{1});
  const std::byte* data = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64);
  for (auto _ : state)
    threads.parallel_for(kPieces, 1, [&](int64_t i, int64_t) { read_streams(data + i * kPiece, kPiece); });
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(kPieces * kPiece) / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

void unit_peak(benchmark::State& state, const UnitProbe& probe, int team) {
  constexpr int64_t kSteps = 200'000, kPieces = 8;
  ThreadPool threads(team);
  for (auto _ : state) threads.parallel_for(kPieces, 1, [&](int64_t, int64_t) { probe.run(kSteps); });
  state.counters["GFLOP/s"] = benchmark::Counter(static_cast<double>(probe.operations * kPieces * kSteps) / 1e9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

/// One thread is measured in CPU time, which other programs disturb less; all threads in real time.
void register_all(int threads) {
  const auto add = [=](std::string name, auto run) {
    if (threads == 1) name += "/1thread";
    auto* made = benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
    if (threads != 1) made->UseRealTime();
  };
  add("memory/read", [=](benchmark::State& state) { read_memory(state, threads); });
  for (const UnitProbe& probe : unit_probes())
    add(fmt::format("peak/{}/{}", probe.type, probe.unit),
        [=](benchmark::State& state) { unit_peak(state, probe, threads); });
  for (const std::string& isa : cpu_isas())
    for (int i = 0; i < kDTypes; ++i) {
      const DType dtype = static_cast<DType>(i);
      if (!info(dtype).weight) continue;
      for (int64_t batch : {1, 4, 32, 512}) {
        add(fmt::format("gemm/{}/{}/M={}", isa, name(dtype), batch),
            [=](benchmark::State& state) { gemm(state, "cpu/" + isa, Compute::f32, dtype, batch, threads); });
        add(fmt::format("fast/{}/{}/M={}", isa, name(dtype), batch),
            [=](benchmark::State& state) { gemm(state, "cpu/" + isa, Compute::int8, dtype, batch, threads); });
      }
      for (int64_t tokens : {1, 8, 512})
        add(fmt::format("moe/{}/{}/T={}", isa, name(dtype), tokens),
            [=](benchmark::State& state) { moe(state, "cpu/" + isa, dtype, tokens, threads); });
    }
}

const int registered = (register_all(1), register_all(0), 0);

}  // namespace
}  // namespace dure

// GEMM kernels per weight dtype beside what the machine can do: how fast it reads memory, and its float32 peak. One row
// of activations (decode) is bound by the former, many rows (prefill) by the latter.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
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

struct AttentionShape {
  const char* name;
  int64_t heads, key_heads, widths[2], value_width;  // the value is the first part of the key if there are two
};
constexpr AttentionShape kAttention[] = {
    {"MLA", 16, 1, {512, 64}, 512},           // DeepSeek-V2-Lite, absorbed
    {"MLA-expanded", 16, 16, {192, 0}, 128},  // the same with keys and values of each head
    {"GQA", 12, 2, {128, 0}, 128},            // Qwen2.5-1.5B
};

/// `rows` rows after `depth` positions, from pages in bfloat16.
void attention(benchmark::State& state, const std::string& backend, Compute compute, const AttentionShape& s,
               int64_t depth, int64_t rows, int threads) {
  constexpr int64_t kBlock = 128;
  const std::unique_ptr<Device> device = make_device({backend, threads, compute});
  const int64_t pages = (depth + rows + kBlock - 1) / kBlock, Dk = s.widths[0] + s.widths[1];
  std::vector<int> table, positions;
  for (int64_t p = 0; p < pages; ++p) table.push_back(static_cast<int>(pages - 1 - p));
  for (int64_t r = 0; r < rows; ++r) positions.push_back(static_cast<int>(depth + r));
  std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  std::vector<Tensor> planes;
  const auto plane = [&](int64_t width) {
    planes.push_back(Tensor::empty(*device, DType::BF16, {pages, kBlock, s.key_heads, width}));
    for (uint16_t& bits :
         std::span(static_cast<uint16_t*>(planes.back().view().data), pages * kBlock * s.key_heads * width)) {
      const float value = normal(rng);
      bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
    }
    return ConstView(planes.back().view());
  };
  KvSource kv;
  const bool latent = s.widths[1] > 0;
  kv.key = {plane(s.widths[0]), latent ? plane(s.widths[1]) : ConstView()};
  kv.value = latent ? kv.key[0] : plane(s.value_width);
  const Tensor blocks = Tensor::from(*device, table).alias({1, pages});
  kv.block_table = blocks.view();
  kv.block_size = kBlock;
  Tensor q = Tensor::empty(*device, DType::F32, {rows, s.heads, Dk});
  for (float& v : q.data()) v = normal(rng);
  Tensor o = Tensor::empty(*device, DType::F32, {rows, s.heads, s.value_width});
  const std::vector<int> starts = {0, static_cast<int>(rows)};
  for (auto _ : state) device->backend().attention(o.view(), {}, q.view(), kv, {starts, positions}, 0.05f);
  const double attended = static_cast<double>(rows) * (static_cast<double>(depth) + static_cast<double>(rows + 1) / 2);
  const double flops = 2 * attended * static_cast<double>(s.heads * (Dk + s.value_width));
  const double bytes = 2. * static_cast<double>((depth + rows) * s.key_heads * (Dk + (latent ? 0 : s.value_width)));
  state.counters["GFLOP/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  if (rows == 1)
    state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsIterationInvariantRate);
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
    for (const AttentionShape& s : kAttention)
      for (const auto& [rows, depth] : {std::pair{1, 4096}, {1, 16384}, {512, 0}, {512, 4096}})
        for (const Compute compute : {Compute::f32, Compute::int8}) {
          if (rows == 1 && s.key_heads == s.heads) continue;  // nobody decodes so
          add(fmt::format("attention/{}/{}/{}/rows={}/depth={}", isa, compute == Compute::f32 ? "f32" : "fast", s.name,
                          rows, depth),
              [=, rows = rows, depth = depth](benchmark::State& state) {
                attention(state, "cpu/" + isa, compute, s, depth, rows, threads);
              });
        }
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

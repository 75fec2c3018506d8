// The tile kernels, run by vectors that do what tiles do, against the reference's products in bfloat16.
#include "backend/cpu/cpu.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/tile_check.h"
#include "backend/test_backends.h"

namespace dure {
namespace {

class Tile : public testing::Test {
 protected:
  void SetUp() override {
    rng.seed(7);
    if (!device_of(1)) GTEST_SKIP() << "skipped: this machine lacks AVX512-BF16";
  }
  static Device* device_of(int threads) {
    static std::map<int, std::unique_ptr<Device>> devices;
    auto& made = devices[threads];
    auto pool = std::make_shared<ThreadPool>(threads);
    if (!made)
      if (std::shared_ptr<Backend> backend = make_tile_emulation(pool)) made = std::make_unique<Device>(pool, backend);
    return made.get();
  }
  static Weight prepared(const Weight& w) { return device_of(2)->backend().prepare(w.data, w.scale); }
  static std::vector<float> run(const std::vector<float>& x, int64_t rows, const Weight& w, int threads = 2) {
    return run_gemm(*device_of(threads), x, rows, w, Direction::forward);
  }
};

bool has_tiles(DType dtype) { return dtype != DType::F32 && dtype != DType::F16; }

TEST_F(Tile, Gemm) {
  for (DType dtype : weight_dtypes()) {
    const int64_t block = info(dtype).block;
    const std::vector<int64_t> columns =
        block == 1 ? std::vector<int64_t>{1, 33, 333, 1408} : std::vector<int64_t>{block, 3 * block, 1280 + block};
    for (const int64_t n : {1, 16, 17, 100})
      for (const int64_t k : columns) {
        SCOPED_TRACE(fmt::format("{} [{}, {}]", name(dtype), n, k));
        const Weight w = random_weight(dtype, n, k), packed = prepared(w);
        const int64_t rows = n == 17 ? 300 : 40;
        const std::vector<float> x = random_values(rows, k);
        Device& oracle = device("reference", 1, has_tiles(dtype) ? Compute::bf16 : Compute::int8);
        const std::vector<float> bound = run_gemm(reference(), magnitudes(x), rows, magnitudes(w), Direction::forward);
        const std::vector<float> all = run(x, rows, packed);
        expect_close(all, run_gemm(oracle, x, rows, w, Direction::forward), bound, kSum);

        // The same bits in every company.
        for (int threads : {1, 3}) expect_same_bits(run(x, rows, packed, threads), all);
        for (const int64_t count : {1, 2, 15, 16, 17, 31, 32, 33})
          expect_same_bits(run({x.begin(), x.begin() + count * k}, count, packed),
                           {all.begin(), all.begin() + count * n});
      }
  }
}

TEST_F(Tile, Moe) {
  const int64_t D = 256, I = 96, E = 3, k = 2, T = 40;
  std::vector<Expert> experts, packed;
  for (int64_t e = 0; e < E; ++e) {  // one has a matrix that is left to vectors
    experts.push_back({random_weight(DType::Q4_K, I, D), random_weight(e == 1 ? DType::F16 : DType::Q4_K, I, D),
                       random_weight(DType::Q8_0, D, I)});
    const Expert& x = experts.back();
    packed.push_back({prepared(x.gate), prepared(x.up), prepared(x.down)});
  }
  const std::vector<float> x = random_values(T, D), weights = random_values(T, k);
  std::vector<int> ids;
  for (int64_t t = 0; t < T; ++t)
    for (int id : t % 3 == 0 ? std::vector{0, 1} : std::vector{0, 2}) ids.push_back(id);
  const auto moe = [&](Device& d, std::span<const Expert> of, int64_t rows) {
    Tensor y = Tensor::zeros(d, DType::F32, {rows, D});
    d.backend().moe(y.view(), Tensor::from(d, x, {T, D}).rows(0, rows).view(), of,
                    Tensor::from(d, ids).alias({T, k}).rows(0, rows).view(),
                    Tensor::from(d, weights, {T, k}).rows(0, rows).view());
    return y.to_floats();
  };
  const std::vector<float> all = moe(*device_of(2), packed, T);
  EXPECT_LT(relative_error(all, moe(device("reference", 1, Compute::bf16), experts, T)), 1e-2);
  expect_same_bits(moe(*device_of(3), packed, T), all);
  expect_same_bits(moe(*device_of(2), packed, 1), {all.begin(), all.begin() + D});
}

TEST_F(Tile, SampledRowsAreLeftToVectors) {
  Device& vectors = device("cpu/avx512bf16", 2, Compute::int8);
  Device& tiles = *device_of(2);
  const Weight w = random_weight(DType::Q8_0, 48, 256);
  const std::vector<float> x = random_values(5, 256);
  const std::vector<float> expected =
      run_gemm(vectors, x, 5, vectors.backend().prepare(w.data, w.scale), Direction::forward);
  tiles.backend().set_row_kind(RowKind::sampled);
  expect_same_bits(run(x, 5, prepared(w)), expected);
  tiles.backend().set_row_kind(RowKind::prompt);
  EXPECT_NE(run(x, 5, prepared(w)), expected);
}

TEST_F(Tile, IsTrustedOnlyIfItAgrees) {
  cpu::Kernels kernels = *tile_emulation();
  EXPECT_TRUE(tiles_keep_their_word(kernels));
  std::array<const cpu::PanelKernels*, cpu::kFormats> tiles;
  std::copy_n(kernels.tiles, tiles.size(), tiles.begin());
  cpu::PanelKernels wrong = *tiles[cpu::kQ8_0];
  wrong.dot = tiles[cpu::kQ4_0]->dot;
  tiles[cpu::kQ8_0] = &wrong;
  kernels.tiles = tiles.data();
  EXPECT_FALSE(tiles_keep_their_word(kernels));
}

}  // namespace
}  // namespace dure

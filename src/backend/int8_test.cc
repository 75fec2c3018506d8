// Compute::int8: quantised weights in panels, activations in 8 bits, against the reference's definition of it.
#include "backend/test_backends.h"

namespace dure {
namespace {

class Int8 : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { rng.seed(7); }
  static Device& oracle() { return device("reference", 1, Compute::int8); }
  static Device& tested(int threads = 2) { return device(GetParam(), threads, Compute::int8); }
};

Weight prepared(Device& d, const Weight& w) { return d.backend().prepare(w.data, w.scale); }

std::vector<int64_t> columns_of(DType dtype) {
  const int64_t block = info(dtype).block;
  if (block == 1) return {1, 7, 130, 333, 1408};
  return {block, 3 * block, 1280 + block};
}

TEST_P(Int8, Gemm) {
  for (DType dtype : weight_dtypes()) {
    for (const int64_t n : {1, 15, 16, 17, 100})
      for (const int64_t k : columns_of(dtype)) {
        SCOPED_TRACE(fmt::format("{} [{}, {}]", name(dtype), n, k));
        const Weight w = random_weight(dtype, n, k), packed = prepared(tested(), w);
        const int64_t rows = n == 17 ? 300 : 40;
        std::vector<float> x = random_values(rows, k);
        if (k > 64) std::fill_n(x.begin() + 32, 32, 0.f);  // a group without a scale
        const std::vector<float> expected = run_gemm(oracle(), x, rows, w, Direction::forward);
        const std::vector<float> bound = run_gemm(reference(), magnitudes(x), rows, magnitudes(w), Direction::forward);
        const std::vector<float> all = run_gemm(tested(), x, rows, packed, Direction::forward);
        expect_close(all, expected, bound, kSum);

        // The same bits in every company.
        for (int threads : {1, 3})
          expect_same_bits(run_gemm(tested(threads), x, rows, packed, Direction::forward), all);
        for (int64_t count = 1; count < 40; count += count < 10 ? 1 : 7)
          expect_same_bits(run_gemm(tested(), {x.begin(), x.begin() + count * k}, count, packed, Direction::forward),
                           {all.begin(), all.begin() + count * n});
      }
  }
}

TEST_P(Int8, SpecialF8CodesAreWidenedExactly) {
  const int64_t n = 16, k = 256;
  Weight w{Tensor::empty(reference(), DType::F8_E4M3, {n, k}), {}};
  auto* codes = static_cast<uint8_t*>(w.data.view().data);
  for (int64_t i = 0; i < n * k; ++i) codes[i] = static_cast<uint8_t>(i % 128 == 127 ? 0 : i % 256);  // not NaN
  for (int64_t row = 0; row < k; row += 51) {
    std::vector<float> x(static_cast<size_t>(k));
    x[static_cast<size_t>(row)] = 1;
    expect_same_bits(run_gemm(tested(), x, 1, prepared(tested(), w), Direction::forward),
                     run_gemm(oracle(), x, 1, w, Direction::forward));
  }
  codes[3] = 0x7f;
  EXPECT_TRUE(std::isnan(run_gemm(tested(), random_values(1, k), 1, prepared(tested(), w), Direction::forward)[0]));
}

TEST_P(Int8, EveryInstructionSetGivesTheSameIntegers) {
  // Sums of groups are exact and added in one order, so only fused or unfused factors may differ: not at all here.
  const Weight w = random_weight(DType::Q8_0, 32, 64);
  const std::vector<float> x = random_values(3, 64);
  std::vector<float> first;
  for (const std::string& name : backends()) {
    if (name == "reference") continue;
    Device& d = device(name, 1, Compute::int8);
    const std::vector<float> y = run_gemm(d, x, 3, prepared(d, w), Direction::forward);
    if (first.empty()) first = y;
    expect_same_bits(y, first);
  }
}

TEST_P(Int8, TransposedProductsTakeActivationsAsTheyAre) {
  const Weight w = random_weight(DType::Q4_0, 48, 96);
  const std::vector<float> x = random_values(5, 48);
  expect_same_bits(run_gemm(tested(), x, 5, prepared(tested(), w), Direction::transpose),
                   run_gemm(device(GetParam(), 2), x, 5, w, Direction::transpose));
}

TEST_P(Int8, GemmHeads) {
  const int64_t H = 3, T = 5, K = 96;
  const HeadRows rows{96, 32, 48};
  const Weight w = random_weight(DType::Q8_0, H * rows.stride, K), packed = prepared(tested(), w);
  const std::vector<float> x = random_values(T, H * (K + 4));
  const auto run = [&](Device& d, const std::vector<float>& values, const Weight& weight) {
    Tensor xs = Tensor::from(d, values, {T, H, K + 4}).alias({T, H, K}, {H * (K + 4), K + 4, 1}, 4);
    Tensor y = Tensor::zeros(d, DType::F32, {T, H, rows.count});
    d.backend().gemm_heads(y.view(), xs.view(), weight, rows, Direction::forward);
    return y.to_floats();
  };
  expect_close(run(tested(), x, packed), run(oracle(), x, w), run(reference(), magnitudes(x), magnitudes(w)), kSum);
}

TEST_P(Int8, HeadsTheOtherWayRound) {
  const int64_t H = 3, T = 5;
  for (const int64_t K : {24, 32}) {  // rows of a head within panels, and whole ones
    SCOPED_TRACE(K);
    const HeadRows rows{40, 16, 24};
    const Weight w = random_weight(DType::BF16, H * rows.stride, K);
    const std::vector<float> x = random_values(T, H * rows.count);
    const auto run = [&](Device& d, const Weight& weight) {
      const Tensor xs = Tensor::from(d, x, {T, H, rows.count});
      Tensor y = Tensor::zeros(d, DType::F32, {T, H, K});
      d.backend().gemm_heads(y.view(), xs.view(), weight, rows, Direction::transpose);
      return y.to_floats();
    };
    Weight ready = prepared(tested(), w);
    tested().backend().prepare_heads(ready, rows);
    EXPECT_LT(relative_error(run(tested(), ready), run(reference(), w)), 1e-2);
  }
}

TEST_P(Int8, Moe) {
  const int64_t D = 64, I = 96, E = 5, k = 3, T = 30;
  // In one expert the matrices have types of their own, as in mixes.
  for (const DType other : {DType::BF16, DType::F16, DType::F32}) {  // F32 has no panels
    SCOPED_TRACE(name(other));
    const auto random_expert = [&](DType gate, DType up, DType down) {
      return Expert{random_weight(gate, I, D), random_weight(up, I, D), random_weight(down, D, I)};
    };
    std::vector<Expert> experts, packed;
    for (int64_t e = 0; e < E; ++e)
      experts.push_back(random_expert(DType::Q4_0, e == 1 ? other : DType::Q4_0, e == 3 ? other : DType::Q8_0));
    for (const Expert& e : experts)
      packed.push_back({prepared(tested(), e.gate), prepared(tested(), e.up), prepared(tested(), e.down)});
    const std::vector<float> x = random_values(T, D), weights = random_values(T, k);
    std::vector<int> ids;
    for (int64_t t = 0; t < T; ++t)
      for (int id : t % 3 == 0 ? std::vector{0, 1, 3} : std::vector{0, 2, 3}) ids.push_back(id);
    const auto run = [&](Device& d, std::span<const Expert> of, int64_t rows) {
      Tensor y = Tensor::zeros(d, DType::F32, {rows, D});
      d.backend().moe(y.view(), Tensor::from(d, x, {T, D}).rows(0, rows).view(), of,
                      Tensor::from(d, ids).alias({T, k}).rows(0, rows).view(),
                      Tensor::from(d, weights, {T, k}).rows(0, rows).view());
      return y.to_floats();
    };
    const std::vector<float> all = run(tested(), packed, T);
    // A hidden value that falls on the other side of a rounding boundary moves by 1/127 of its group's largest.
    EXPECT_LT(relative_error(all, run(oracle(), experts, T)), 1e-2);
    expect_same_bits(run(tested(3), packed, T), all);
    expect_same_bits(run(tested(), packed, 1), {all.begin(), all.begin() + D});
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Int8, testing::ValuesIn(backends()), test_name);

}  // namespace
}  // namespace dure

// Every method of every backend against the reference: same inputs, odd and misaligned shapes, every weight dtype. The
// bounds are relative to the sum of magnitudes that an output adds up, where rounding errors come from. On top of that,
// a row must have the same bits alone and among others, at any number of threads.
#include "backend/test_backends.h"

#include "base/error.h"

namespace dure {
namespace {

struct GemmShape {
  int64_t n, k;
};

/// Shapes that a dtype can have, the expert width 1408 and a few hostile ones among them.
std::vector<GemmShape> gemm_shapes(DType dtype) {
  switch (info(dtype).block) {
    case 1: return {{1, 1}, {5, 7}, {3, 33}, {130, 72}, {6, 1029}, {259, 300}};
    case 32: return {{1, 32}, {7, 96}, {70, 1408}, {5, 2080}};
    default: return {{1, 256}, {7, 1536}, {70, 2048}};
  }
}

class Backends : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { rng.seed(7); }  // the same inputs whichever tests run
};

TEST_P(Backends, Gemm) {
  for (DType dtype : weight_dtypes())
    for (Direction direction : {Direction::forward, Direction::transpose})
      for (const auto& [n, k] : gemm_shapes(dtype)) {
        SCOPED_TRACE(
            fmt::format("{} [{}, {}]{}", name(dtype), n, k, direction == Direction::forward ? "" : " transposed"));
        const Weight w = random_weight(dtype, n, k);
        const int64_t rows = 9, in = direction == Direction::forward ? k : n;
        const std::vector<float> x = random_values(rows, in);
        const std::vector<float> expected = run_gemm(reference(), x, rows, w, direction);
        const std::vector<float> bound = run_gemm(reference(), magnitudes(x), rows, magnitudes(w), direction);
        const std::vector<float> all = run_gemm(device(GetParam()), x, rows, w, direction);
        expect_close(all, expected, bound, kSum);

        // The same bits in every company.
        for (int threads : {1, 3}) expect_same_bits(run_gemm(device(GetParam(), threads), x, rows, w, direction), all);
        const int64_t out = static_cast<int64_t>(all.size()) / rows;
        for (int64_t count : {1, 2, 3, 5})
          expect_same_bits(run_gemm(device(GetParam()), {x.begin(), x.begin() + count * in}, count, w, direction),
                           {all.begin(), all.begin() + count * out});
      }
}

TEST_P(Backends, GemmRoundsBothSidesToBFloat16) {
  for (DType dtype : {DType::F32, DType::BF16, DType::F8_E4M3})
    for (Direction direction : {Direction::forward, Direction::transpose}) {
      const Weight w = random_weight(dtype, 37, 203);
      const int64_t rows = 6, in = direction == Direction::forward ? 203 : 37;
      const std::vector<float> x = random_values(rows, in);
      Device& oracle = device("reference", 1, Compute::bf16);
      const std::vector<float> expected = run_gemm(oracle, x, rows, w, direction);
      const std::vector<float> bound = run_gemm(oracle, magnitudes(x), rows, magnitudes(w), direction);
      Device& d = device(GetParam(), 2, Compute::bf16);
      const std::vector<float> all = run_gemm(d, x, rows, w, direction);
      expect_close(all, expected, bound, kSum);
      const std::vector<float> one = run_gemm(d, {x.begin(), x.begin() + in}, 1, w, direction);
      expect_same_bits(one, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(one.size())});
    }
}

TEST_P(Backends, GemmHeads) {
  const int64_t H = 3, T = 5;
  const HeadRows rows{160, 29, 67};
  for (DType dtype : {DType::F32, DType::BF16, DType::F8_E4M3, DType::Q8_0})
    for (Direction direction : {Direction::forward, Direction::transpose})
      for (Compute compute : {Compute::f32, Compute::bf16}) {
        SCOPED_TRACE(fmt::format("{} {}", name(dtype), static_cast<int>(direction)));
        const Weight w = random_weight(dtype, H * rows.stride, 96);
        const int64_t in = direction == Direction::forward ? 96 : rows.count, out = 96 + rows.count - in;
        const std::vector<float> x = random_values(T, H * (in + 4));
        const auto run = [&](Device& d, const std::vector<float>& values, const Weight& weight) {
          Tensor xs = Tensor::from(d, values, {T, H, in + 4}).alias({T, H, in}, {H * (in + 4), in + 4, 1}, 4);
          Tensor y = Tensor::zeros(d, DType::F32, {T, H, out});
          d.backend().gemm_heads(y.view(), xs.view(), weight, rows, direction);
          return y.to_floats();
        };
        Device& oracle = device("reference", 1, compute);
        expect_close(run(device(GetParam(), 2, compute), x, w), run(oracle, x, w),
                     run(oracle, magnitudes(x), magnitudes(w)), kSum);
      }
}

TEST_P(Backends, GemmBackwardWeight) {
  for (const auto& [n, k] : {GemmShape{1, 1}, {5, 7}, {67, 300}}) {
    const int64_t T = 150;
    const std::vector<float> dy = random_values(T, n), x = random_values(T, k);
    const auto run = [&](Device& d, const std::vector<float>& a, const std::vector<float>& b) {
      Tensor dw = Tensor::from(d, std::vector<float>(static_cast<size_t>(n * k), 0.5f), {n, k});
      d.backend().gemm_backward_weight(dw.view(), strided(d, a, T, n, 3, 1).view(), strided(d, b, T, k, 2, 1).view());
      return dw.to_floats();
    };
    const std::vector<float> all = run(device(GetParam()), dy, x);
    expect_close(all, run(reference(), dy, x), run(reference(), magnitudes(dy), magnitudes(x)), kSum);
    expect_same_bits(run(device(GetParam(), 3), dy, x), all);
  }
}

TEST_P(Backends, ProductsOfBFloat16KeepTheDirectionOfGradients) {
  const int64_t T = 1101, N = 45, K = 70;  // sums longer than a block, odd ends
  const std::vector<float> dy = random_values(T, N), x = random_values(T, K);
  const Weight w = random_weight(DType::F32, N, K);
  const auto run = [&](Device& d) {  // y, dx, dw, one after the other
    const Tensor dys = Tensor::from(d, dy, {T, N}), xs = Tensor::from(d, x, {T, K});
    const Tensor y = Tensor::like(dys), dx = Tensor::like(xs), dw = Tensor::zeros(d, DType::F32, {N, K});
    d.backend().gemm(y.view(), xs.view(), w, Direction::forward);
    d.backend().gemm(dx.view(), dys.view(), w, Direction::transpose);
    d.backend().gemm_backward_weight(dw.view(), dys.view(), xs.view());
    return std::array{y.to_floats(), dx.to_floats(), dw.to_floats()};
  };
  const auto cosine = [](const std::vector<float>& a, const std::vector<float>& b) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i)
      ab += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
    return ab / std::sqrt(aa * bb);
  };
  const auto expected = run(reference()), actual = run(device(GetParam(), 1, Compute::bf16)),
             again = run(device(GetParam(), 2, Compute::bf16));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_GT(cosine(actual[i], expected[i]), 0.999);
    expect_same_bits(again[i], actual[i]);
  }
}

TEST_P(Backends, GemmHeadsBackwardWeight) {
  const int64_t H = 3, T = 5, K = 70;
  const HeadRows rows{40, 7, 29};
  for (Direction direction : {Direction::forward, Direction::transpose}) {
    const int64_t in = direction == Direction::forward ? K : rows.count, out = K + rows.count - in;
    const std::vector<float> dy = random_values(T, H * out), x = random_values(T, H * in);
    const auto run = [&](Device& d, const std::vector<float>& a, const std::vector<float>& b) {
      Tensor dw = Tensor::zeros(d, DType::F32, {H * rows.stride, K});
      d.backend().gemm_heads_backward_weight(dw.view(), Tensor::from(d, a, {T, H, out}).view(),
                                             Tensor::from(d, b, {T, H, in}).view(), rows, direction);
      return dw.to_floats();
    };
    expect_close(run(device(GetParam()), dy, x), run(reference(), dy, x),
                 run(reference(), magnitudes(dy), magnitudes(x)), kSum);
  }
}

TEST_P(Backends, EmbeddingRowsAreExact) {
  const std::vector<int> ids = {3, 0, 129, 3, 200};
  for (DType dtype : weight_dtypes())
    for (int64_t k : {int64_t{256}, int64_t{info(dtype).block == 1 ? 131 : 2048}}) {
      SCOPED_TRACE(name(dtype));
      const Weight w = random_weight(dtype, 201, k);
      const auto run = [&](Device& d) {
        Tensor y = Tensor::zeros(d, DType::F32, {static_cast<int64_t>(ids.size()), k});
        d.backend().embedding(y.view(), Tensor::from(d, ids).view(), w);
        return y.to_floats();
      };
      const std::vector<float> expected = run(reference()), actual = run(device(GetParam()));
      expect_close(actual, expected, magnitudes(expected), 0);
    }
}

TEST_P(Backends, EveryCodeOfTheSmallFloats) {
  for (DType dtype : {DType::F16, DType::BF16, DType::F8_E4M3}) {
    const int64_t codes = dtype == DType::F8_E4M3 ? 256 : 65536;
    Weight w{Tensor::empty(reference(), dtype, {1, codes}), {}};
    for (int64_t i = 0; i < codes; ++i) {
      if (dtype == DType::F8_E4M3)
        w.data.data<uint8_t>()[i] = static_cast<uint8_t>(i);
      else
        w.data.data<uint16_t>()[i] = static_cast<uint16_t>(i);
    }
    Device& d = device(GetParam());
    Tensor y = Tensor::empty(d, DType::F32, {1, codes});
    d.backend().embedding(y.view(), Tensor::from(d, std::vector<int>{0}).view(), w);
    const std::vector<float> expected = w.data.to_floats();
    for (int64_t i = 0; i < codes; ++i) {
      const float actual = y.data()[i];
      ASSERT_TRUE(std::isnan(expected[i]) ? std::isnan(actual) : actual == expected[i])
          << name(dtype) << " code " << i << ": " << actual << " instead of " << expected[i];
    }
  }
}

/// y of each elementwise method, on rows that are not contiguous.
using Elementwise = void (*)(Backend&, View y, ConstView a, ConstView b);
struct ElementwiseCase {
  const char* name;
  Elementwise run;
  float tolerance;  // of |y|
};
const ElementwiseCase kElementwise[] = {
    {"copy", [](Backend& b, View y, ConstView u, ConstView) { b.copy(y, u); }, 0},
    {"accumulate", [](Backend& b, View y, ConstView u, ConstView) { b.accumulate(y, u); }, 0},
    {"add", [](Backend& b, View y, ConstView u, ConstView v) { b.add(y, u, v); }, 0},
    {"add row",
     [](Backend& b, View y, ConstView u, ConstView v) {
       b.add(y, u, {v.data, v.dtype, {v.columns()}, {1}});
     },
     0},
    {"scale", [](Backend& b, View y, ConstView u, ConstView) { b.scale(y, u, -0.3f); }, 0},
    {"swiglu", [](Backend& b, View y, ConstView u, ConstView v) { b.swiglu(y, u, v, kNoLimit); }, 8 * kUlp},
    {"swiglu within limits", [](Backend& b, View y, ConstView u, ConstView v) { b.swiglu(y, u, v, 0.7f); }, 8 * kUlp},
    {"up of swiglu_backward",
     [](Backend& b, View y, ConstView u, ConstView v) {
       std::vector<float> dgate(static_cast<size_t>(y.shape.numel()));
       b.swiglu_backward({dgate.data(), DType::F32, y.shape, contiguous_strides(y.shape)}, y, v, u, v, kNoLimit);
     },
     8 * kUlp},
    {"rms_norm",
     [](Backend& b, View y, ConstView u, ConstView v) {
       b.rms_norm(y, u, {v.data, v.dtype, {v.columns()}, {1}}, 1e-5f);
     },
     8 * kUlp},
};

TEST_P(Backends, Elementwise) {
  for (const ElementwiseCase& c : kElementwise)
    for (int64_t columns : {1, 7, 16, 33, 200, 2048}) {
      SCOPED_TRACE(fmt::format("{} [{}]", c.name, columns));
      const int64_t rows = 21;
      const std::vector<float> a = random_values(rows, columns), b = random_values(rows, columns);
      const auto run = [&](Device& d, int64_t count) {
        Tensor y = strided(d, std::vector<float>(static_cast<size_t>(rows * columns), 1.f), rows, columns, 1, 3);
        const Tensor as = strided(d, a, rows, columns, 2, 1), bs = strided(d, b, rows, columns, 3, 2);
        c.run(d.backend(), y.rows(0, count).view(), as.rows(0, count).view(), bs.rows(0, count).view());
        return y.rows(0, count).to_floats();
      };
      const std::vector<float> expected = run(reference(), rows), all = run(device(GetParam()), rows);
      expect_close(all, expected, magnitudes(expected), c.tolerance);
      expect_same_bits(run(device(GetParam()), 1), {all.begin(), all.begin() + columns});
    }
}

TEST_P(Backends, SwigluFarFromZero) {
  std::vector<float> gate, up;
  for (float g = -200; g <= 200; g += 0.37f) gate.push_back(g), up.push_back(1.5f);
  gate.push_back(std::nanf("")), up.push_back(1);
  const auto run = [&](Device& d) {  // y, dgate
    const Shape shape = {1, static_cast<int64_t>(gate.size())};
    const Tensor y = Tensor::zeros(d, DType::F32, shape), dgate = Tensor::like(y), dup = Tensor::like(y);
    const Tensor gates = Tensor::from(d, gate, shape), ups = Tensor::from(d, up, shape);
    d.backend().swiglu(y.view(), gates.view(), ups.view(), kNoLimit);
    d.backend().swiglu_backward(dgate.view(), dup.view(), ups.view(), gates.view(), ups.view(), kNoLimit);
    return std::array{y.to_floats(), dgate.to_floats()};
  };
  const auto expected = run(reference()), actual = run(device(GetParam()));
  for (size_t i = 0; i + 1 < gate.size(); ++i) {
    ASSERT_NEAR(actual[0][i], expected[0][i], 8 * kUlp * std::fabs(expected[0][i]) + 1e-35f) << "gate " << gate[i];
    ASSERT_NEAR(actual[1][i], expected[1][i], 8 * kUlp * 1.5f * 1.5f) << "gate " << gate[i];  // it crosses zero
  }
  EXPECT_TRUE(std::isnan(actual[0].back()) && std::isnan(actual[1].back()));
}

TEST_P(Backends, Rope) {
  const std::vector<int> positions = {0, 1, 17, 4095, 163839};
  for (RopeStyle style : {RopeStyle::half, RopeStyle::interleaved})
    for (int64_t R : {2, 14, 64, 128})
      for (float sign : {1.f, -1.f}) {
        const int64_t T = static_cast<int64_t>(positions.size()), H = 3;
        const std::vector<float> x = random_values(T, H * (R + 5));
        std::vector<float> frequencies;
        for (int64_t i = 0; i < R / 2; ++i) frequencies.push_back(std::pow(10000.f, -2.f * float(i) / float(R)));
        const auto run = [&](Device& d) {
          Tensor xs = Tensor::from(d, x, {T, H, R + 5}).alias({T, H, R}, {H * (R + 5), R + 5, 1}, 5);
          Tensor y = Tensor::zeros(d, DType::F32, {T, H, R});
          d.backend().rope(y.view(), xs.view(), positions, Tensor::from(d, frequencies, {R / 2}).view(), 1.1f, style,
                           sign);
          return y.to_floats();
        };
        expect_same_bits(run(device(GetParam())), run(reference()));
      }
}

TEST_P(Backends, LayerNorm) {
  const int64_t T = 5, D = 131;
  const std::vector<float> x = random_values(T, D), w = random_values(1, D), b = random_values(1, D);
  const auto run = [&](Device& d) {
    Tensor y = Tensor::empty(d, DType::F32, {T, D});
    d.backend().layer_norm(y.view(), strided(d, x, T, D, 3, 1).view(), Tensor::from(d, w, {D}).view(),
                           Tensor::from(d, b, {D}).view(), 1e-6f);
    return y.to_floats();
  };
  EXPECT_LT(relative_error(run(device(GetParam())), run(reference())), 1e-6);
  // By hand: mean 2, variance 1.
  Device& d = device(GetParam());
  Tensor y = Tensor::empty(d, DType::F32, {1, 2});
  const auto pair = [&](float a, float c) { return Tensor::from(d, std::vector<float>{a, c}, {2}); };
  d.backend().layer_norm(y.view(), pair(1, 3).alias({1, 2}).view(), pair(10, 100).view(), pair(5, 7).view(), 0);
  EXPECT_EQ(y.to_floats(), (std::vector<float>{-5, 107}));
}

TEST_P(Backends, HyperConnections) {
  const int64_t T = 7, n = 4, D = 75;
  const std::vector<float> x = random_values(T * n, D), block = random_values(T, D), pre = random_values(T, n),
                           comb = random_values(T, n * n);
  const auto run = [&](Device& d, int64_t rows) {
    const auto part = [&](const std::vector<float>& v, const Shape& shape) {
      return Tensor::from(d, std::span(v).first(static_cast<size_t>(shape.numel())), shape);
    };
    const Tensor xs = part(x, {rows, n, D}), weights = part(pre, {rows, n});
    Tensor y = Tensor::empty(d, DType::F32, {rows, D}), z = Tensor::empty(d, DType::F32, {rows, n, D});
    d.backend().hyper_collapse(y.view(), xs.view(), weights.view());
    d.backend().hyper_expand(z.view(), xs.view(), part(block, {rows, D}).view(), weights.view(),
                             part(comb, {rows, n, n}).view());
    return std::array{y.to_floats(), z.to_floats()};
  };
  const auto expected = run(reference(), T), all = run(device(GetParam()), T), one = run(device(GetParam(), 3), 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_LT(relative_error(all[i], expected[i]), 1e-6);
    expect_same_bits(one[i], {all[i].begin(), all[i].begin() + static_cast<std::ptrdiff_t>(one[i].size())});
  }
}

TEST_P(Backends, HyperMixIsDoublyStochastic) {
  const int64_t T = 3, n = 4;
  Device& d = device(GetParam());
  std::normal_distribution<float> normal;
  std::vector<float> m(static_cast<size_t>(T * n * (n + 2)));
  for (float& v : m) v = normal(rng);
  const std::vector<float> base(static_cast<size_t>(n * (n + 2)), 0.25f), factor = {1, 2, 3};
  Tensor pre = Tensor::empty(d, DType::F32, {T, n}), post = Tensor::like(pre),
         comb = Tensor::empty(d, DType::F32, {T, n, n});
  d.backend().hyper_mix(pre.view(), post.view(), comb.view(), Tensor::from(d, m, {T, n * (n + 2)}).view(),
                        Tensor::from(d, base, {n * (n + 2)}).view(), Tensor::from(d, factor, {3}).view(), 60, 1e-6f);
  for (int64_t t = 0; t < T; ++t)
    for (int64_t i = 0; i < n; ++i) {
      double row = 0, column = 0;
      for (int64_t j = 0; j < n; ++j) {
        row += comb.view().row(t * n + i)[j];
        column += comb.view().row(t * n + j)[i];
      }
      EXPECT_NEAR(row, 1, 1e-3);
      EXPECT_NEAR(column, 1, 1e-3);
      const double a = m[static_cast<size_t>(t * n * (n + 2) + i)], b = m[static_cast<size_t>(t * n * (n + 2) + n + i)];
      EXPECT_NEAR(pre.view().row(t)[i], 1 / (1 + std::exp(-a - 0.25)) + 1e-6, 1e-6);
      EXPECT_NEAR(post.view().row(t)[i], 2 / (1 + std::exp(-2 * b - 0.25)), 1e-6);
    }
}

TEST_P(Backends, SoftmaxPool) {
  Device& d = device(GetParam());
  const float inf = INFINITY;
  // Two lists of lines with two channels: values, then gates.
  const std::vector<float> lines = {1, 10, 0, 0, /**/ 3, 20, 0, -inf, /**/ 5, 30, 7, 7};
  const std::vector<int> starts = {0, 2, 3};
  Tensor y = Tensor::empty(d, DType::F32, {2, 2});
  d.backend().softmax_pool(y.view(), Tensor::from(d, lines, {3, 4}).view(), starts);
  EXPECT_EQ(y.to_floats(), (std::vector<float>{2, 10, 5, 30}));
}

/// Rank 3, for a matrix [N, K].
Lora random_lora(int64_t N, int64_t K) {
  return {random_weight(DType::F32, 3, K), random_weight(DType::F32, N, 3), 0.5f};
}

TEST_P(Backends, Moe) {
  const int64_t D = 64, I = 96, E = 5, k = 3;
  for (DType dtype : {DType::F32, DType::BF16, DType::Q8_0, DType::Q4_0})
    for (Compute compute : {Compute::f32, Compute::bf16}) {
      SCOPED_TRACE(name(dtype));
      std::vector<Expert> experts;
      for (int64_t e = 0; e < E; ++e)
        experts.push_back({random_weight(dtype, I, D), random_weight(dtype, I, D), random_weight(dtype, D, I)});
      experts[0].gate_loras = {random_lora(I, D), random_lora(I, D)};
      experts[2].up_loras = {random_lora(I, D)};
      experts[3].down_loras = {random_lora(D, I)};
      const int64_t T = 13;
      const std::vector<float> x = random_values(T, D), weights = random_values(T, k);
      std::vector<int> ids;
      for (int64_t t = 0; t < T; ++t)  // expert 4 is left out, expert 0 is most popular
        for (int id : t % 3 == 0 ? std::vector{0, 1, 3} : std::vector{0, 2, 3}) ids.push_back(id);
      const auto run = [&](Device& d, int64_t rows) {
        Tensor y = Tensor::zeros(d, DType::F32, {rows, D});
        d.backend().moe(y.view(), Tensor::from(d, x, {T, D}).rows(0, rows).view(), experts,
                        Tensor::from(d, ids).alias({T, k}).rows(0, rows).view(),
                        Tensor::from(d, weights, {T, k}).rows(0, rows).view());
        return y.to_floats();
      };
      const std::vector<float> expected = run(device("reference", 1, compute), T);
      const std::vector<float> all = run(device(GetParam(), 2, compute), T);
      // bf16: a hidden value that falls on the other side of a rounding boundary moves by 2^-8 of itself.
      EXPECT_LT(relative_error(all, expected), compute == Compute::f32 ? 1e-5 : 0x1p-8);
      expect_same_bits(run(device(GetParam(), 3, compute), T), all);
      expect_same_bits(run(device(GetParam(), 2, compute), 1), {all.begin(), all.begin() + D});
    }
}

TEST_P(Backends, MoeBackward) {
  const int64_t D = 33, I = 50, E = 4, k = 2, T = 7;
  std::vector<Expert> experts;
  for (int64_t e = 0; e < E; ++e)
    experts.push_back(
        {random_weight(DType::F32, I, D), random_weight(DType::F32, I, D), random_weight(DType::F32, D, I)});
  for (const int e : {0, 2}) {
    experts[e].gate_loras = {random_lora(I, D)};
    experts[e].up_loras = {random_lora(I, D)};
    experts[e].down_loras = {random_lora(D, I)};
  }
  std::vector<float> x = random_values(T, D), weights = random_values(T, k), dy = random_values(T, D);
  for (float& v : x) v *= 0.01f;
  std::vector<int> ids;
  for (int64_t t = 0; t < T; ++t) ids.insert(ids.end(), {static_cast<int>(t % 2), t % 3 == 0 ? 2 : 3});
  const auto run = [&](Device& d) {
    const Tensor dx = Tensor::zeros(d, DType::F32, {T, D}), dweights = Tensor::zeros(d, DType::F32, {T, k});
    std::vector<Tensor> made = {dx, dweights};
    std::vector<Backend::ExpertGradient> dexperts;
    for (int64_t e = 0; e < E; ++e) {
      for (const Shape& shape : {Shape{I, D}, Shape{I, D}, Shape{D, I}})
        made.push_back(Tensor::zeros(d, DType::F32, shape));
      dexperts.push_back({made[made.size() - 3].view(), made[made.size() - 2].view(), made.back().view()});
      const auto like = [&](const Weight& w) {
        made.push_back(Tensor::zeros(d, DType::F32, w.data.shape()));
        return made.back().view();
      };
      const auto gradients = [&](const std::vector<Lora>& loras, std::vector<Backend::LoraGradient>& to) {
        for (const Lora& lora : loras) {
          const View a = like(lora.a);
          to.push_back({a, like(lora.b)});
        }
      };
      gradients(experts[e].gate_loras, dexperts.back().gate_loras);
      gradients(experts[e].up_loras, dexperts.back().up_loras);
      gradients(experts[e].down_loras, dexperts.back().down_loras);
    }
    d.backend().moe_backward(dx.view(), dweights.view(), dexperts, Tensor::from(d, dy, {T, D}).view(),
                             Tensor::from(d, x, {T, D}).view(), experts, Tensor::from(d, ids).alias({T, k}).view(),
                             Tensor::from(d, weights, {T, k}).view());
    std::vector<std::vector<float>> all;
    for (const Tensor& t : made) all.push_back(t.to_floats());
    return all;
  };
  const auto expected = run(reference()), actual = run(device(GetParam())), again = run(device(GetParam(), 3));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LT(relative_error(actual[i], expected[i]), 1e-5);
    expect_same_bits(again[i], actual[i]);
  }
}

TEST(Dispatch, ForcedByTheEnvironment) {
  const char* before = std::getenv("DURE_ISA");
  const std::string saved = before == nullptr ? "" : before;
  setenv("DURE_ISA", "reference", 1);
  EXPECT_EQ(backends(), std::vector<std::string>{"reference"});
  setenv("DURE_ISA", "altivec", 1);
  EXPECT_THROW(backends(), Error);
  if (before == nullptr)
    unsetenv("DURE_ISA");
  else
    setenv("DURE_ISA", saved.c_str(), 1);
}

INSTANTIATE_TEST_SUITE_P(Every, Backends, testing::ValuesIn(backends()), test_name);

}  // namespace
}  // namespace dure

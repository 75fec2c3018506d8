// Every method of every backend against the reference: same inputs, odd and misaligned shapes, every weight dtype. The
// bounds are relative to the sum of magnitudes that an output adds up, where rounding errors come from. On top of that,
// a row must have the same bits alone and among others, at any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "backend/reference/reference.h"
#include "backend/registry.h"
#include "base/error.h"

namespace dure {
namespace {

constexpr float kUlp = 0x1p-23f;

/// A device of each backend and thread count, made once.
Device& device(const std::string& backend, int threads = 2, Compute compute = Compute::f32) {
  static std::map<std::tuple<std::string, int, Compute>, std::unique_ptr<Device>> devices;
  auto& made = devices[{backend, threads, compute}];
  if (!made) made = make_device({backend, threads, compute});
  return *made;
}
Device& reference() { return device("reference", 1); }

std::mt19937 rng(7);

/// Normal values; in some channels a hundred times as large, as in real activations and weights.
std::vector<float> random_values(int64_t rows, int64_t columns) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (size_t i = 0; i < values.size(); ++i) values[i] = normal(rng) * (i % columns % 61 == 3 ? 100 : 1);
  return values;
}

/// A tensor whose rows lie `gap` elements further apart than they are long, the first `offset` elements after an
/// aligned address.
Tensor strided(Device& d, const std::vector<float>& values, int64_t rows, int64_t columns, int64_t gap,
               int64_t offset) {
  Tensor whole = Tensor::zeros(d, DType::F32, {rows * (columns + gap) + offset});
  Tensor t = whole.alias({rows, columns}, {columns + gap, 1}, offset);
  for (int64_t r = 0; r < rows; ++r) std::copy_n(values.data() + r * columns, columns, t.view().row(r));
  return t;
}

Weight random_weight(DType dtype, int64_t n, int64_t k) {
  const std::vector<float> values = random_values(n, k);
  Weight w{Tensor::empty(reference(), dtype, {n, k}), {}, Layout::rows};
  info(dtype).quantise(values.data(), w.data.view().data, n * k);
  if (dtype == DType::F8_E4M3) {
    w.scale = Tensor::empty(reference(), DType::F32, {(n + 127) / 128, (k + 127) / 128});
    for (float& s : w.scale.data()) s = std::uniform_real_distribution<float>(0.01f, 2.f)(rng);
  }
  return w;
}

/// The weight with every value's magnitude, as F32.
Weight magnitudes(const Weight& w) {
  Weight m{Tensor::empty(reference(), DType::F32, w.data.shape()), {}, Layout::rows};
  for (int64_t n = 0; n < w.out_features(); ++n) weight_row(w, n, m.data.view().row(n));
  for (float& v : m.data.data()) v = std::fabs(v);
  return m;
}

std::vector<float> magnitudes(std::vector<float> values) {
  for (float& v : values) v = std::fabs(v);
  return values;
}

/// |actual - expected| <= tolerance * magnitude, element by element.
void expect_close(const std::vector<float>& actual, const std::vector<float>& expected,
                  const std::vector<float>& magnitude, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::fabs(double(actual[i]) - expected[i]), tolerance * magnitude[i] + 1e-30)
        << "element " << i << ": " << actual[i] << " instead of " << expected[i];
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::memcmp(&a[i], &b[i], sizeof(float)), 0) << "element " << i << ": " << a[i] << " and " << b[i];
}

std::vector<DType> weight_dtypes() {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypes; ++i)
    if (info(static_cast<DType>(i)).weight) dtypes.push_back(static_cast<DType>(i));
  return dtypes;
}

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

std::vector<float> run_gemm(Device& d, const std::vector<float>& x, int64_t rows, const Weight& w,
                            Direction direction) {
  const bool forward = direction == Direction::forward;
  const int64_t in = forward ? w.in_features() : w.out_features(), out = forward ? w.out_features() : w.in_features();
  Tensor xs = strided(d, x, rows, in, 3, 1);
  Tensor y = strided(d, std::vector<float>(static_cast<size_t>(rows * out), 1e9f), rows, out, 5, 2);
  d.backend().gemm(y.view(), xs.view(), w, direction);
  return y.to_floats();
}

class Backends : public testing::TestWithParam<std::string> {};

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
        expect_close(all, expected, bound, 8 * kUlp);

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
      expect_close(all, expected, bound, 8 * kUlp);
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
                     run(oracle, magnitudes(x), magnitudes(w)), 8 * kUlp);
      }
}

INSTANTIATE_TEST_SUITE_P(Every, Backends, testing::ValuesIn(backends()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

}  // namespace
}  // namespace dure

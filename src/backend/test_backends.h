#pragma once

// What the tests of backends share: devices, inputs, weights, and what close means.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "backend/reference/reference.h"
#include "backend/registry.h"

namespace dure {

constexpr float kUlp = 0x1p-23f;
constexpr float kSum = 24 * kUlp;  // of a sum of some hundred products, one after the other

/// A device of each backend and thread count, made once.
inline Device& device(const std::string& backend, int threads = 2, Compute compute = Compute::f32) {
  static std::map<std::tuple<std::string, int, Compute>, std::unique_ptr<Device>> devices;
  auto& made = devices[{backend, threads, compute}];
  if (!made) made = make_device({backend, threads, compute});
  return *made;
}
inline Device& reference() { return device("reference", 1); }

inline std::mt19937 rng(7);

/// Normal values; in some channels a hundred times as large, as in real activations and weights.
inline std::vector<float> random_values(int64_t rows, int64_t columns) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (size_t i = 0; i < values.size(); ++i) values[i] = normal(rng) * (i % columns % 61 == 3 ? 100 : 1);
  return values;
}

/// A tensor whose rows lie `gap` elements further apart than they are long, the first `offset` elements after an
/// aligned address.
inline Tensor strided(Device& d, const std::vector<float>& values, int64_t rows, int64_t columns, int64_t gap,
                      int64_t offset) {
  Tensor whole = Tensor::zeros(d, DType::F32, {rows * (columns + gap) + offset});
  Tensor t = whole.alias({rows, columns}, {columns + gap, 1}, offset);
  for (int64_t r = 0; r < rows; ++r) std::copy_n(values.data() + r * columns, columns, t.view().row(r));
  return t;
}

inline Weight random_weight(DType dtype, int64_t n, int64_t k) {
  const std::vector<float> values = random_values(n, k);
  Weight w{Tensor::empty(reference(), dtype, {n, k}), {}};
  info(dtype).quantise(values.data(), nullptr, w.data.view().data, n * k);
  if (dtype == DType::F8_E4M3) {
    w.scale = Tensor::empty(reference(), DType::F32, {(n + 127) / 128, (k + 127) / 128});
    for (float& s : w.scale.data()) s = std::uniform_real_distribution<float>(0.01f, 2.f)(rng);
  }
  return w;
}

/// The weight with every value's magnitude, as F32.
inline Weight magnitudes(const Weight& w) {
  Weight m{Tensor::empty(reference(), DType::F32, w.data.shape()), {}};
  for (int64_t n = 0; n < w.out_features(); ++n) weight_row(w, n, m.data.view().row(n));
  for (float& v : m.data.data()) v = std::fabs(v);
  return m;
}

inline std::vector<float> magnitudes(std::vector<float> values) {
  for (float& v : values) v = std::fabs(v);
  return values;
}

/// |actual - expected| <= tolerance * magnitude, element by element.
inline void expect_close(const std::vector<float>& actual, const std::vector<float>& expected,
                         const std::vector<float>& magnitude, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::fabs(double(actual[i]) - expected[i]), tolerance * magnitude[i] + 1e-30)
        << "element " << i << ": " << actual[i] << " instead of " << expected[i];
}

/// |actual - expected| / |expected|, over all elements: for results of several steps, whose elements may cancel.
inline double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  double squares = 0, errors = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    squares += double(expected[i]) * expected[i];
    errors += (double(actual.at(i)) - expected[i]) * (double(actual[i]) - expected[i]);
  }
  return std::sqrt(errors) / std::max(std::sqrt(squares), 1e-30);
}

inline void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::memcmp(&a[i], &b[i], sizeof(float)), 0) << "element " << i << ": " << a[i] << " and " << b[i];
}

inline std::vector<DType> weight_dtypes() {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypes; ++i)
    if (info(static_cast<DType>(i)).weight) dtypes.push_back(static_cast<DType>(i));
  return dtypes;
}

inline std::vector<float> run_gemm(Device& d, const std::vector<float>& x, int64_t rows, const Weight& w,
                                   Direction direction) {
  const bool forward = direction == Direction::forward;
  const int64_t in = forward ? w.in_features() : w.out_features(), out = forward ? w.out_features() : w.in_features();
  Tensor xs = strided(d, x, rows, in, 3, 1);
  Tensor y = strided(d, std::vector<float>(static_cast<size_t>(rows * out), 1e9f), rows, out, 5, 2);
  d.backend().gemm(y.view(), xs.view(), w, direction);
  return y.to_floats();
}

inline std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

}  // namespace dure

#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "backend/registry.h"
#include "base/error.h"
#include "ops/tape.h"

/// For tests: the tape's gradients against finite differences of the forward pass on the reference backend.
namespace dure {

using Inputs = std::vector<Tensor>;

inline Device& test_device() {
  static const std::unique_ptr<Device> device = make_device({"reference", 1});
  return *device;
}

/// Normal values, the same in every run.
inline Tensor random(const Shape& shape) {
  static std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  Tensor t = Tensor::empty(test_device(), DType::F32, shape);
  for (float& v : t.data()) v = normal(rng);
  return t;
}
inline Tensor zeros(const Shape& shape) { return Tensor::zeros(test_device(), DType::F32, shape); }

/// The tensor as a parameter.
inline Tensor trainable(Tensor t) {
  t.set_requires_grad(true);
  return t;
}

inline Weight weight(const Tensor& data) { return {data, {}}; }

/// sum(a * b) in double.
inline double dot(const Tensor& a, const Tensor& b) {
  const std::vector<float> x = a.to_floats(), y = b.to_floats();
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += double(x[i]) * y[i];
  return sum;
}

/// Checks dL/dinput of L = sum(fn(inputs) * r), r random, for every element of every input.
///
/// A central difference of step h errs by h^2 L'''/6 and by the forward's rounding over h. In float32 no step makes
/// both small enough, but two steps do: (4 d(h) - d(2h)) / 3 errs by h^4 only (Richardson), so h may be 1/64 for values
/// around 1, which leaves about 1e-5 of rounding.
inline void expect_gradient(const std::function<Tensor(const Inputs&)>& fn, Inputs inputs, double tolerance = 1e-3) {
  for (Tensor& input : inputs) input.set_requires_grad(true);
  const Tensor y = fn(inputs);
  ASSERT_TRUE(y.requires_grad());
  const Tensor r = random(y.shape());
  const Gradients actual = gradients(y, r, inputs);
  for (Tensor& input : inputs) input.set_requires_grad(false);

  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::span<float> x = inputs[i].data();
    const auto slope = [&](size_t at, float h) {
      const float middle = x[at];
      x[at] = middle + h;
      const float above = x[at];  // as float32 has it
      const double upper = dot(fn(inputs), r);
      x[at] = middle - h;
      const double difference = upper - dot(fn(inputs), r), step = double(above) - x[at];
      x[at] = middle;
      return difference / step;
    };
    std::vector<double> expected(x.size());
    for (size_t at = 0; at < x.size(); ++at) expected[at] = (4 * slope(at, 1 / 64.f) - slope(at, 1 / 32.f)) / 3;

    double largest = 0.1;
    for (const double d : expected) largest = std::max(largest, std::fabs(d));
    ASSERT_TRUE(actual[i].defined()) << "input " << i << " has no gradient";
    ASSERT_EQ(actual[i].shape(), inputs[i].shape());
    const std::vector<float> found = actual[i].to_floats();
    for (size_t at = 0; at < x.size(); ++at)
      ASSERT_NEAR(found[at], expected[at], tolerance * largest) << "input " << i << ", element " << at;
  }
}

/// The statement throws Error with a message that contains the text.
#define EXPECT_ERROR(statement, text)                      \
  try {                                                    \
    (void)(statement);                                     \
    ADD_FAILURE() << "expected an error: " << (text);      \
  } catch (const ::dure::Error& error) {                   \
    EXPECT_THAT(error.what(), ::testing::HasSubstr(text)); \
  }

}  // namespace dure

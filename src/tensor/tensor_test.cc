#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace dure {

TEST(DType, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t b = static_cast<uint16_t>(bits);
    if (!std::isnan(f16_to_float(b))) {
      ASSERT_EQ(float_to_f16(f16_to_float(b)), b);
    }
    if (!std::isnan(bf16_to_float(b))) {
      ASSERT_EQ(float_to_bf16(bf16_to_float(b)), b);
    }
  }
  for (int bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7f) != 0x7f) {
      ASSERT_EQ(float_to_f8_e4m3(f8_e4m3_to_float(uint8_t(bits))), bits);
    }
  }
}

TEST(DType, RoundsToNearestEven) {
  EXPECT_EQ(float_to_f16(1.f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(float_to_f16(1.f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(float_to_f16(65519.f), 0x7bff);
  EXPECT_EQ(float_to_f16(65520.f), 0x7c00);
  EXPECT_EQ(float_to_f8_e4m3(17.f), float_to_f8_e4m3(16.f));
  EXPECT_EQ(f8_e4m3_to_float(float_to_f8_e4m3(1e9f)), 448.f);
}

TEST(Tensor, ViewsShareMemory) {
  Device device(std::make_shared<ThreadPool>(1), nullptr);
  Tensor t = Tensor::zeros(device, DType::F32, {4, 3});
  t.rows(1, 2).view().row(1)[2] = 5;
  EXPECT_EQ(t.data()[8], 5);
  Tensor column = t.alias({4, 1}, {3, 1}, 2);
  EXPECT_FALSE(column.contiguous());
  EXPECT_EQ(column.to_floats(), (std::vector<float>{0, 0, 5, 0}));
  EXPECT_THROW(Tensor::empty(device, DType::Q8_0, {2, 33}), Error);
}

TEST(ThreadPool, EveryPieceRunsOnceAndErrorsArrive) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> hits(1000);
    pool.parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++hits[i];
    });
    for (int h : hits) ASSERT_EQ(h, 1);
  }
  EXPECT_THROW(pool.parallel_for(100, 1, [](int64_t i, int64_t) { require(i != 50, "fifty"); }), Error);
}

}  // namespace dure

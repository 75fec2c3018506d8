#include "tensor/quant/quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace dure {
namespace {

const DTypeInfo* find(const std::string& name) {
  for (int code = 0; code < kDTypes; ++code)
    if (info(DType(code)).name == name) return &info(DType(code));
  return nullptr;
}

std::vector<const DTypeInfo*> block_types() {
  std::vector<const DTypeInfo*> types;
  for (int code = 0; code < kDTypes; ++code)
    if (info(DType(code)).block > 1) types.push_back(&info(DType(code)));
  return types;
}

std::vector<float> round_trip(const DTypeInfo& type, const std::vector<float>& values) {
  const int64_t n = static_cast<int64_t>(values.size());
  std::vector<uint16_t> blocks(static_cast<size_t>(n / type.block * type.block_bytes / 2));
  std::vector<float> back(values.size());
  type.quantise(values.data(), nullptr, blocks.data(), n);
  type.dequantise(blocks.data(), back.data(), n);
  return back;
}

TEST(Quant, DequantisesLikeLlamaCpp) {
  std::ifstream file(DURE_TESTS_DIR "/fixtures/quant/blocks.txt");
  std::string name, bytes, values;
  int lines = 0;
  for (; file >> name >> bytes >> values; ++lines) {
    const DTypeInfo* type = find(name);
    ASSERT_NE(type, nullptr) << name;
    ASSERT_EQ(bytes.size(), 2u * type->block_bytes);
    ASSERT_EQ(values.size(), 8u * type->block);
    std::vector<uint16_t> block(bytes.size() / 4);
    for (size_t i = 0; i < bytes.size() / 2; ++i)
      reinterpret_cast<uint8_t*>(block.data())[i] =
          static_cast<uint8_t>(std::stoul(bytes.substr(2 * i, 2), nullptr, 16));
    std::vector<float> found(static_cast<size_t>(type->block));
    type->dequantise(block.data(), found.data(), type->block);
    for (int i = 0; i < type->block; ++i)
      ASSERT_EQ(__builtin_bit_cast(uint32_t, found[i]), std::stoul(values.substr(8 * i, 8), nullptr, 16))
          << name << " element " << i;
  }
  EXPECT_EQ(lines, 23);
}

// The bounds are a little above what the search reaches; a wrong bit or a lost minimum is far beyond them.
TEST(Quant, ErrorOnGaussianValuesStaysSmall) {
  const std::pair<const char*, double> bounds[] = {
      {"Q8_0", 0.006}, {"Q4_0", 0.085}, {"Q4_1", 0.080}, {"Q5_0", 0.043}, {"Q5_1", 0.038}, {"IQ4_NL", 0.078},
      {"Q2_K", 0.27},  {"Q3_K", 0.15},  {"Q4_K", 0.075}, {"Q5_K", 0.037}, {"Q6_K", 0.018},
  };
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(256 * 64);
  for (float& v : values) v = normal(random) * 0.02f;
  for (const auto& [name, bound] : bounds) {
    const std::vector<float> back = round_trip(*find(name), values);
    double error = 0, power = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      error += (values[i] - back[i]) * (values[i] - back[i]);
      power += values[i] * values[i];
    }
    EXPECT_LT(std::sqrt(error / power), bound) << name;
  }
}

TEST(Quant, KeepsConstantsZerosAndExtremesFinite) {
  for (const DTypeInfo* type : block_types()) {
    const size_t n = 256;
    for (float value : {0.f, -0.f, 1e-30f, 3e38f, -3e38f, 1.5f, -1.5f}) {
      std::vector<float> values(n, value);
      for (float v : round_trip(*type, values)) {
        ASSERT_TRUE(std::isfinite(v)) << type->name << " " << value;
        if (value == 0) {
          ASSERT_EQ(v, 0.f) << type->name;
        }
        if (std::fabs(value) == 1.5f) {
          ASSERT_NEAR(v, value, 0.02) << type->name;
        }
      }
    }
    std::vector<float> one(n);
    one[17] = -4;
    const std::vector<float> back = round_trip(*type, one);
    EXPECT_NEAR(back[17], -4, 0.02) << type->name;
    EXPECT_NEAR(back[18], 0, 0.05) << type->name;
    std::vector<float> both(n, 3e38f);
    for (size_t i = 0; i < n; i += 2) both[i] = -3e38f;
    for (float v : round_trip(*type, both)) ASSERT_TRUE(std::isfinite(v)) << type->name;
    both[5] = std::nanf("");
    both[6] = INFINITY;
    round_trip(*type, both);  // any value, but no undefined behaviour
  }
}

}  // namespace
}  // namespace dure

#include "tensor/quant/quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/quant/sample_weights.h"

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
  std::vector<uint16_t> blocks(static_cast<size_t>(n / type.block * type.block_bytes / 2 + 1));
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
    std::vector<uint16_t> block(bytes.size() / 4 + 1);
    for (size_t i = 0; i < bytes.size() / 2; ++i)
      reinterpret_cast<uint8_t*>(block.data())[i] =
          static_cast<uint8_t>(std::stoul(bytes.substr(2 * i, 2), nullptr, 16));
    std::vector<float> found(static_cast<size_t>(type->block));
    type->dequantise(block.data(), found.data(), type->block);
    for (int i = 0; i < type->block; ++i)
      ASSERT_EQ(__builtin_bit_cast(uint32_t, found[i]), std::stoul(values.substr(8 * i, 8), nullptr, 16))
          << name << " element " << i;
  }
  EXPECT_EQ(lines, 26);
}

/// llama.cpp's error on sample_weights(16, columns).
struct Peer {
  const char* type;
  int columns;
  double plain;            // root mean square
  double own;              // what llama.cpp minimises, see own_error
  double with_importance;  // root mean square, each square times the column's importance
};

// ggml_quantize_chunk of llama.cpp, commit 3f545be, linked to a small program that makes the same matrices.
constexpr Peer kPeers[] = {
    {"Q8_0", 2048, 0.00025345, 0.00025345, 0.0004349},  {"Q8_0", 1536, 0.00023779, 0.00023779, 0.00039898},
    {"Q8_0", 1408, 0.00024163, 0.00024163, 0.00040988}, {"Q4_0", 2048, 0.003985, 0.003985, 0.0063974},
    {"Q4_0", 1536, 0.0037364, 0.0037364, 0.0058057},    {"Q4_0", 1408, 0.0037911, 0.0037911, 0.005975},
    {"Q4_1", 2048, 0.002786, 0.002786, 0.0035205},      {"Q4_1", 1536, 0.0026396, 0.0026396, 0.003291},
    {"Q4_1", 1408, 0.0026749, 0.0026749, 0.0033575},    {"Q5_0", 2048, 0.0019906, 0.0019906, 0.0033228},
    {"Q5_0", 1536, 0.0018593, 0.0018593, 0.0030619},    {"Q5_0", 1408, 0.0018867, 0.0018867, 0.0031507},
    {"Q5_1", 2048, 0.00134, 0.00134, 0.0017187},        {"Q5_1", 1536, 0.0012788, 0.0012788, 0.0016075},
    {"Q5_1", 1408, 0.0012946, 0.0012946, 0.0016396},    {"IQ4_NL", 2048, 0.0030478, 7.7194e-05, 0.0046228},
    {"IQ4_NL", 1536, 0.0028762, 7.3753e-05, 0.0043287}, {"IQ4_NL", 1408, 0.002918, 7.5391e-05, 0.0044398},
    {"Q2_K", 2048, 0.0093861, 0.00010701, 0.011903},    {"Q2_K", 1536, 0.0090891, 0.00010143, 0.010985},
    {"Q3_K", 2048, 0.0054718, 0.00014594, 0.0090939},   {"Q3_K", 1536, 0.0052256, 0.0001357, 0.008239},
    {"Q4_K", 2048, 0.0026182, 0.00064612, 0.0037089},   {"Q4_K", 1536, 0.0024897, 0.00060629, 0.0034852},
    {"Q5_K", 2048, 0.0013152, 0.00032448, 0.0019816},   {"Q5_K", 1536, 0.0012539, 0.00030475, 0.0018639},
    {"Q6_K", 2048, 0.0007467, 1.7024e-05, 0.0012112},   {"Q6_K", 1536, 0.00070658, 1.5492e-05, 0.0010961},
};

/// The error that llama.cpp minimises for a type when it is given no importance.
double own_error(const Peer& peer, const std::vector<float>& values, const std::vector<float>& errors) {
  const std::string type = peer.type;
  double sum = 0, group_square = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double x = values[i], e = errors[i];
    if (i % 32 == 0) group_square = std::inner_product(&values[i], &values[i] + 32, &values[i], 0.0) / 32;
    if (type == "Q2_K")
      sum += std::fabs(x * e);
    else if (type == "Q3_K" || type == "Q6_K" || type == "IQ4_NL")
      sum += x * x * e * e;
    else if (type == "Q4_K" || type == "Q5_K")
      sum += (std::sqrt(group_square) + std::fabs(x)) * e * e;
    else
      sum += e * e;
  }
  sum /= static_cast<double>(values.size());
  return type == "Q2_K" ? sum : std::sqrt(sum);
}

/// What quantising and dequantising each row adds to its values.
std::vector<float> errors_of(const DTypeInfo& type, const SampleWeights& sample, const float* importance) {
  std::vector<uint16_t> blocks(static_cast<size_t>(row_bytes(type.dtype, sample.columns) / 2 + 1));
  std::vector<float> errors(sample.values.size());
  for (size_t at = 0; at < errors.size(); at += static_cast<size_t>(sample.columns)) {
    type.quantise(&sample.values[at], importance, blocks.data(), sample.columns);
    type.dequantise(blocks.data(), &errors[at], sample.columns);
  }
  for (size_t i = 0; i < errors.size(); ++i) errors[i] -= sample.values[i];
  return errors;
}

TEST(Quant, ErrorIsWithinAPercentOfLlamaCpp) {
  for (const Peer& peer : kPeers) {
    SCOPED_TRACE(testing::Message() << peer.type << " " << peer.columns);
    const SampleWeights sample = sample_weights(16, peer.columns);
    std::vector<float> errors = errors_of(*find(peer.type), sample, nullptr);
    const double n = static_cast<double>(errors.size());
    EXPECT_LE(std::sqrt(std::inner_product(errors.begin(), errors.end(), errors.begin(), 0.0) / n), 1.01 * peer.plain);
    EXPECT_LE(own_error(peer, sample.values, errors), 1.01 * peer.own);

    errors = errors_of(*find(peer.type), sample, sample.importance.data());
    double weighted = 0;
    for (size_t i = 0; i < errors.size(); ++i)
      weighted += sample.importance[i % sample.importance.size()] * errors[i] * errors[i];
    EXPECT_LE(std::sqrt(weighted / n), 1.01 * peer.with_importance);
  }
}

TEST(Quant, OnlyTheRatiosOfImportanceMatter) {
  const SampleWeights sample = sample_weights(1, 256);
  std::vector<float> scaled = sample.importance, one_column(256), nothing(256);
  for (float& importance : scaled) importance *= 0x1p40f;
  one_column[3] = 1;
  for (const DTypeInfo* type : block_types()) {
    EXPECT_EQ(errors_of(*type, sample, scaled.data()), errors_of(*type, sample, sample.importance.data()))
        << type->name;
    EXPECT_EQ(errors_of(*type, sample, nothing.data()), errors_of(*type, sample, nullptr)) << type->name;
    for (float error : errors_of(*type, sample, one_column.data()))  // columns without importance are not given up
      EXPECT_LT(std::fabs(error), type->dtype == DType::Q2_K ? 0.3 : 0.1) << type->name;
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

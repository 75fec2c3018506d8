#include "toolbox/random_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/rng.h"

namespace dure {

RandomRows::RandomRows(DType dtype, double deviation)
    : type_(info(dtype)), encoded_(static_cast<size_t>(kElements / type_.block * type_.block_bytes)) {
  Rng rng(static_cast<uint64_t>(dtype) + 1);
  std::vector<float> values(kElements);
  for (size_t i = 0; i < values.size(); i += 2) {  // Box and Muller, 1958
    const double radius = deviation * std::sqrt(-2 * std::log(1 - rng.uniform())),
                 angle = 2 * std::numbers::pi * rng.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  type_.quantise(values.data(), nullptr, encoded_.data(), kElements);
}

void RandomRows::fill(std::byte* row, int64_t bytes, uint64_t index) const {
  const auto blocks = static_cast<uint64_t>(kElements / type_.block);
  const uint64_t block = (index * 0x9e3779b97f4a7c15u >> 32) % blocks;  // Knuth's multiplicative hash: its high bits
  size_t at = static_cast<size_t>(block) * static_cast<size_t>(type_.block_bytes);
  for (auto left = static_cast<size_t>(bytes); left > 0;) {
    const size_t n = std::min(left, encoded_.size() - at);
    std::memcpy(row, encoded_.data() + at, n);
    row += n;
    left -= n;
    at = 0;
  }
}

const RandomRows& RandomModel::rows(DType dtype, Part part) {
  constexpr double kDeviation = 0.02, kOfEmbeddings = 5;
  const bool embedding = part == Part::embedding;
  return lists_.try_emplace({dtype, embedding}, dtype, embedding ? kOfEmbeddings : kDeviation).first->second;
}

std::vector<float> RandomModel::vector(int64_t size, Part part) {
  return std::vector<float>(static_cast<size_t>(size), part == Part::norm ? 1.f : 0.f);
}

}  // namespace dure

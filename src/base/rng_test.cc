#include "base/rng.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

// The known answers that the authors publish with Random123.
TEST(Philox, KnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, IsAFunctionOfSeedAndStream) {
  Rng a(7, 3), again(7, 3), other_seed(8, 3), other_stream(7, 4);
  const uint64_t first = a.bits(), second = a.bits();
  EXPECT_EQ(again.bits(), first);
  EXPECT_EQ(again.bits(), second);
  EXPECT_NE(first, second);
  EXPECT_NE(other_seed.bits(), first);
  EXPECT_NE(other_stream.bits(), first);
}

TEST(Rng, UniformFillsTheUnitInterval) {
  Rng rng(1);
  double sum = 0, sum_of_squares = 0;
  constexpr int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    sum_of_squares += u * u;
  }
  EXPECT_NEAR(sum / n, 1.0 / 2, 0.005);
  EXPECT_NEAR(sum_of_squares / n, 1.0 / 3, 0.005);
}

TEST(Rng, BelowIsEven) {
  Rng rng(2);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) ++seen.at(rng.below(7));
  for (int count : seen) EXPECT_NEAR(count, 10'000, 400);
}

}  // namespace
}  // namespace dure

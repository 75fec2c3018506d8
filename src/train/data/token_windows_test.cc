#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "train/data/token_source.h"

namespace dure {
namespace {

std::unique_ptr<TokenSource> counting(int tokens, int length) {
  std::vector<int> ids(static_cast<size_t>(tokens));
  std::iota(ids.begin(), ids.end(), 0);
  return make_token_windows(ids, length, 7);
}

TEST(TokenWindows, AnEpochHasEveryWindowOnceInAnOrderOfItsOwn) {
  const auto source = counting(41, 4);
  const TokenBatch first = source->next(40), second = source->next(40);
  EXPECT_EQ(std::set(first.tokens.begin(), first.tokens.end()).size(), 40U);
  EXPECT_EQ(std::set(second.tokens.begin(), second.tokens.end()).size(), 40U);
  EXPECT_NE(first.tokens, second.tokens);
  EXPECT_EQ(first.starts.size(), 11U);
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(first.targets[i], first.tokens[i] + 1);
    EXPECT_EQ(first.positions[i], static_cast<int>(i % 4));
  }
  EXPECT_EQ(source->vocab_size(), 41);
}

TEST(TokenWindows, GoesOnWhereItStood) {
  const auto source = counting(41, 4);
  source->next(59);  // in the second epoch, within a window
  const Json state = source->state();
  const TokenBatch expected = source->next(50);
  const auto other = counting(41, 4);
  other->restore(state);
  const TokenBatch found = other->next(50);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.positions, expected.positions);
  EXPECT_EQ(found.starts, expected.starts);
}

TEST(TokenWindows, RefusesWhatItCannotUse) {
  EXPECT_THROW(counting(4, 4), Error);
  EXPECT_THROW(make_token_windows({1, -1, 2}, 1, 0), Error);
  EXPECT_THROW(counting(41, 4)->restore(counting(42, 4)->state()), Error);
  EXPECT_THROW(counting(41, 4)->restore(Json::object()), Error);
}

}  // namespace
}  // namespace dure

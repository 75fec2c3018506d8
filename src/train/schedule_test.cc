#include "train/schedule.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

TEST(Schedule, HasTheShapeThatWasAskedFor) {
  const Schedule constant{Schedule::Shape::constant, 4}, wsd{Schedule::Shape::wsd, 4, 0.6, 0.1};
  const Schedule cosine{Schedule::Shape::cosine, 0, 0, 0.2};
  struct Case {
    Schedule schedule;
    int64_t step;
    double progress, share;
  };
  for (const Case& c : {Case{constant, 0, 0, 0.25},
                        {constant, 3, 0, 1},
                        {constant, 99, 1, 1},
                        {wsd, 1, 0.01, 0.5},
                        {wsd, 9, 0.6, 1},
                        {wsd, 9, 0.7, 0.1 + 0.9 * 0.5},
                        {wsd, 9, 1, 0.1},
                        {cosine, 0, 0, 1},
                        {cosine, 9, 0.5, 0.6},
                        {cosine, 9, 1, 0.2}})
    EXPECT_NEAR(c.schedule(c.step, c.progress), c.share, 1e-12) << c.step << " " << c.progress;
}

TEST(Schedule, StagesBeginAtTheirProgress) {
  const Stages ramp{{{0, 8}, {0.25, 16}, {0.5, 64}}};
  EXPECT_EQ(ramp(0), 8);
  EXPECT_EQ(ramp(0.2499), 8);
  EXPECT_EQ(ramp(0.25), 16);
  EXPECT_EQ(ramp(1), 64);
}

}  // namespace
}  // namespace dure

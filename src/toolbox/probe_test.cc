#include "toolbox/probe.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace dure {

// Speeds are not tested: a machine that runs tests is busy.

TEST(Probe, FindsTheLimitsOfThisMachine) {
  const MachineLimits limits = measure_limits(2, ThreadCounts::doubling);
  ASSERT_FALSE(limits.reads.empty());
  for (const ReadRate& rate : limits.reads) {
    EXPECT_TRUE(rate.threads == 1 || rate.threads == 2);
    EXPECT_GT(rate.bytes_per_second, 1e6);
    EXPECT_LE(rate.bytes_per_second, limits.read_bandwidth());
  }
  for (const UnitRate& rate : limits.units) {
    EXPECT_GT(rate.operations_per_second, 1e6) << rate.unit;
    EXPECT_LE(rate.operations_per_second, limits.peak(rate.type)) << rate.unit;
    EXPECT_LE(limits.peak(rate.type), limits.peak()) << rate.unit;
  }
  EXPECT_EQ(limits.peak("f64"), 0);
  EXPECT_EQ(to_json(limits).at("reads").size(), limits.reads.size());
}

TEST(Probe, ReadsFromTheDisk) {
  const DiskRate made = measure_disk(testing::TempDir());
  EXPECT_GT(made.bytes, 0);
  EXPECT_GT(made.bytes_per_second, 0);
  EXPECT_THROW(measure_disk("/no/such/file"), std::runtime_error);
}

}  // namespace dure

#include "base/system.h"

#include <gtest/gtest.h>

namespace dure {

TEST(System, KnowsTheMachine) {
  const CpuStatus cpu = cpu_status();
  EXPECT_GE(cpu.logical, cpu.physical);
  EXPECT_GE(cpu.usable, 1);
  EXPECT_GT(peak_memory(), 0);
  EXPECT_GE(memory_status().total, memory_status().available);
}

}  // namespace dure

#include "toolbox/plan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "toolbox/shape_source.h"

namespace dure {
namespace {

const PlanMachine kMachine = {"cpu/avx512", 60e9, UnitPeaks{500e9}.filled(), 24e9};

PlanRow plan_of(const std::string& name, const std::string& type, const PlanMachine& machine,
                const PlanOptions& options) {
  const ShapeSource source = open_shape(name);
  return plan(as_quantised(source.shape, source.config, find_quant_type(type)), machine, options);
}

TEST(Plan, GivesTheLimitsTimesTheEfficiency) {
  PlanOptions options;
  options.contexts = {4096};
  const PlanRow row = plan_of("r1-distill-qwen-1.5b", "bf16", kMachine, options);
  ASSERT_EQ(row.at.size(), 2u);
  const double share = weight_efficiency(kMachine.backend, Compute::f32, DType::BF16).decode;
  const double byte = 1 / 60e9 + (1 / share - 1) * measured_balance(kMachine.backend) / 500e9;
  EXPECT_NEAR(row.at[0].decode, 1 / byte / row.bytes_per_token, row.at[0].decode * 0.001);
  EXPECT_NEAR(row.at[0].prefill,
              500e9 * weight_efficiency(kMachine.backend, Compute::f32, DType::BF16).prefill / 2.62e9, 4);
  EXPECT_LT(row.at[1].decode, row.at[0].decode);
  EXPECT_LT(row.at[1].prefill, row.at[0].prefill);
  EXPECT_DOUBLE_EQ(row.at[1].cache_bytes, 4096. * 28 * 2 * 256 * 2);  // two heads of 128, keys and values, two bytes
  EXPECT_NEAR(row.at[0].decode_cost, 1e6 / row.at[0].decode * options.costs.per_second(), 1e-9);
}

TEST(Plan, TellsWhatFits) {
  PlanOptions options;
  options.contexts = {4096, 1 << 30};
  const PlanRow small = plan_of("deepseek-v2-lite", "q4_k_m", kMachine, options);
  EXPECT_TRUE(small.at[1].fits);
  EXPECT_EQ(small.at.back().context, 163840);  // what the model can do
  EXPECT_EQ(small.context_that_fits, 163840);
  const PlanRow large = plan_of("deepseek-r1", "q4_k_m", kMachine, options);
  EXPECT_FALSE(large.at[0].fits);
  EXPECT_EQ(large.context_that_fits, 0);
}

TEST(Plan, TakesAModelFromWhereverItIs) {
  const std::string folder = DURE_TESTS_DIR "/fixtures/models/ds3-fp8";
  const ShapeSource stored = open_shape(folder), config = open_shape(folder + "/config.json");
  EXPECT_EQ(stored.shape.info.parameters, config.shape.info.parameters);
  EXPECT_EQ(stored.own.type, "as it is");
  EXPECT_EQ(config.own.type, "fp8, as released");
  EXPECT_NEAR(static_cast<double>(stored.own.file_bytes), static_cast<double>(config.own.file_bytes),
              0.01 * static_cast<double>(stored.own.file_bytes));
  EXPECT_THROW(open_shape("no-such-model"), Error);
}

TEST(ShapeSource, SomeLayersOfAModel) {
  for (const char* name : {"ds3-fp8", "ds32-tiny", "ds4-tiny", "qwen3-tied"}) {
    SCOPED_TRACE(name);
    const std::string config = DURE_TESTS_DIR "/fixtures/models/" + std::string(name) + "/config.json";
    const ShapeSource whole = open_shape(config), two = open_shape(config, 2);
    EXPECT_EQ(two.shape.info.num_hidden_layers, 2);
    EXPECT_EQ(two.shape.cache_planes.size(), 2u);
    size_t found = 0;  // the first layers are the same ones
    for (const ParameterShape& p : whole.shape.parameters)
      for (const ParameterShape& q : two.shape.parameters) found += p.name == q.name && p.shape == q.shape;
    EXPECT_EQ(found, two.shape.parameters.size());
    EXPECT_THROW(open_shape(config, whole.shape.info.num_hidden_layers + 1), Error);
  }
  EXPECT_THROW(open_shape(DURE_TESTS_DIR "/fixtures/models/ds3-fp8", 2), Error);
}

TEST(Plan, CountsTheMachineAndItsPower) {
  Costs costs;
  costs.power_price = 0.36;
  costs.watts = 1000;
  costs.machine_price = 0;
  EXPECT_DOUBLE_EQ(costs.per_second(), 1e-4);
}

}  // namespace
}  // namespace dure

#include "toolbox/bench.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/registry.h"
#include "toolbox/synthetic.h"

namespace dure {
namespace {

BenchOptions quick() {
  BenchOptions o;
  o.prefill = {{7}, {3}, {3, 4}};
  o.decode = {0, 5};
  o.parallel = {1, 2};
  o.tokens = 2;
  o.repetitions = 1;
  o.batch = 4;
  return o;
}

// Speeds are not tested: a machine that runs tests is busy.
void expect_cases(const std::vector<BenchCase>& cases) {
  ASSERT_EQ(cases.size(), 6u);
  for (const BenchCase& c : cases) {
    EXPECT_GT(c.tokens_per_second, 0);
    EXPECT_LE(c.slowest, c.fastest);
    EXPECT_GT(c.bytes_per_token, 0);
    EXPECT_GT(c.operations_per_token, 0);
  }
  EXPECT_EQ(cases[1].kind, "prefill");
  EXPECT_EQ(cases[1].depth, 4);
  EXPECT_GT(cases[1].bytes_per_token, cases[0].bytes_per_token);  // the cache
  EXPECT_EQ(cases[2].tokens, 7);
  EXPECT_EQ(cases[4].depth, 5);
  EXPECT_EQ(cases[5].sequences, 2);
  EXPECT_GT(cases[4].bytes_per_token, cases[3].bytes_per_token);  // the cache
  EXPECT_LT(cases[5].bytes_per_token, cases[3].bytes_per_token);  // weights are read for both
}

TEST(Bench, RunsAModel) {
  const std::unique_ptr<Device> device = make_device();
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/ds3-tiny", *device);
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
  const StoredModel stored = as_stored(model_shape(checkpoint->config(), checkpoint->source()), *checkpoint);
  int reported = 0;
  expect_cases(bench_model(*model, *device, stored, quick(), [&](const BenchCase&) { ++reported; }));
  EXPECT_EQ(reported, 6);
  EXPECT_GT(time_one_token(*model, *device, DType::BF16), 0);
}

TEST(Bench, LeavesOutWhatNobodyWouldWaitFor) {
  const std::unique_ptr<Device> device = make_device();
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/ds3-tiny", *device);
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
  const StoredModel stored = as_stored(model_shape(checkpoint->config(), checkpoint->source()), *checkpoint);
  BenchOptions options = quick();
  options.patience = 1e-9;
  const std::vector<BenchCase> cases = bench_model(*model, *device, stored, options, {});
  ASSERT_EQ(cases.size(), 2u);  // of each kind the first, which nothing was known of
  EXPECT_EQ(cases[0].kind, "prefill");
  EXPECT_EQ(cases[1].kind, "decode");
}

TEST(Bench, RunsRandomWeightsOfAShape) {
  const std::unique_ptr<Device> device = make_device();
  for (const char* name : {"ds3-fp8", "qwen3moe-tiny", "llama3-tiny"}) {
    SCOPED_TRACE(name);
    const ShapeSource source = open_shape(DURE_TESTS_DIR "/fixtures/models/" + std::string(name) + "/config.json");
    for (const StoredModel& stored :
         {source.own, as_quantised(source.shape, source.config, find_quant_type("q4_k_m"))}) {
      const std::unique_ptr<Checkpoint> checkpoint = make_synthetic(source, stored, *device);
      const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
      expect_cases(bench_model(*model, *device, stored, quick(), {}));
      const Tensor hidden = model->forward(single_sequence({1, 2, 3}));
      for (const float v : hidden.to_floats()) ASSERT_TRUE(std::isfinite(v));
    }
  }
}

}  // namespace
}  // namespace dure

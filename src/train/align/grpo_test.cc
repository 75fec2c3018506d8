#include "train/align/grpo.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "backend/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "formats/temporary_folder.h"
#include "train/align/log_probs.h"
#include "train/trainer.h"

namespace dure {
namespace {

constexpr int kEnd = 0, kWanted = 7;

/// A DeepSeek-V3 of two layers, with routed experts.
const char* const kRecipe = R"({"objective": "pretrain", "output": "run", "data": {}, "tokens": 12000,
  "model": {"std": 0.1, "config": {"model_type": "deepseek_v3", "vocab_size": 24, "hidden_size": 32,
    "num_hidden_layers": 2, "first_k_dense_replace": 1, "intermediate_size": 48, "num_attention_heads": 2,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16,
    "n_shared_experts": 1, "routed_scaling_factor": 2.5, "max_position_embeddings": 64}},
  "batch": {"tokens": 64, "micro_tokens": 100}, "optimizer": {"lr": 0.01, "weight_decay": 0},
  "schedule": {"shape": "constant", "warmup_steps": 0}})";

class Grpo : public testing::Test {
 protected:
  /// Answers are worth how often they say what is wanted.
  static GrpoTasks tasks() {
    GrpoTasks tasks;
    for (int p = 0; p < 6; ++p) tasks.prompts.push_back({1, 2 + p, 3});
    tasks.end_tokens = {kEnd};
    tasks.rewards = [](std::span<const SampledAnswer> answers) {
      std::vector<double> rewards;
      for (const SampledAnswer& a : answers) {
        EXPECT_EQ(std::ranges::count(a.ids, kEnd), 0);
        EXPECT_EQ(a.finished, a.ids.size() < 8);
        rewards.push_back(static_cast<double>(std::ranges::count(a.ids, kWanted)) / 8);
      }
      return rewards;
    };
    return tasks;
  }
  std::unique_ptr<Trainer> trainer(const std::string& run, GrpoTasks given, int64_t tokens = 12000) {
    Json json = parse_json(kRecipe, "recipe");
    json["output"] = run;
    json["tokens"] = tokens;
    return std::make_unique<Trainer>(parse_recipe(json, "recipe", folder.path()), *device, [&](Model& model) {
      return make_grpo_source(model, *device, std::move(given), options);
    });
  }
  static double measure(const StepReport& report, std::string_view name) {
    for (const auto& [key, value] : report.measures)
      if (key == name) return value;
    ADD_FAILURE() << name;
    return 0;
  }
  static std::vector<float> weights(Trainer& t) {
    std::vector<float> all;
    for (const Parameter& p : t.model().parameters()) {
      const std::vector<float> values = p.tensor.to_floats();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  const TemporaryFolder folder;
  std::unique_ptr<Device> device = make_device({.threads = 2, .compute = Compute::bf16});
  GrpoOptions options{.prompts = 6, .samples = 8, .max_tokens = 8};
};

TEST_F(Grpo, LearnsWhatIsRewardedAndSamplesAsItTrains) {
  const auto t = trainer("run", tasks());
  const double first = measure(t->step(), "reward");
  double last = 0;
  while (!t->done()) {
    const StepReport report = t->step();
    last = measure(report, "reward");
    EXPECT_EQ(measure(report, "max_dlogp"), 0);
  }
  EXPECT_LT(first, 0.2);
  EXPECT_GT(last, 0.5);
}

TEST_F(Grpo, ARunThatIsResumedHasTheSameBits) {
  const auto whole = trainer("whole", tasks(), 1500);
  while (!whole->done()) whole->step();
  {
    const auto half = trainer("halves", tasks(), 1500);
    half->step();
    half->save();
  }
  const auto rest = trainer("halves", tasks(), 1500);
  EXPECT_EQ(rest->steps(), 1);
  while (!rest->done()) rest->step();
  EXPECT_EQ(weights(*rest), weights(*whole));
  GrpoTasks fewer = tasks();
  fewer.prompts.pop_back();
  EXPECT_THROW(trainer("halves", fewer, 1500), Error);
}

TEST_F(Grpo, EqualRewardsTeachNothing) {
  GrpoTasks given = tasks();
  given.rewards = [](std::span<const SampledAnswer> answers) { return std::vector<double>(answers.size(), 1.0); };
  const auto t = trainer("run", std::move(given));
  const std::vector<float> before = weights(*t);
  const StepReport report = t->step();
  EXPECT_EQ(measure(report, "groups"), 0);
  EXPECT_EQ(measure(report, "right"), 1);
  EXPECT_GT(report.step_tokens, 0);
  EXPECT_EQ(weights(*t), before);
}

TEST_F(Grpo, OtherArithmeticIsNoticed) {
  options.exact = false;
  const auto t = trainer("run", tasks());
  EXPECT_GT(measure(t->step(), "max_dlogp"), 0);
}

/// Weights of targets by hand: advantage times the ratio of probabilities.
TEST_F(Grpo, AdvantagesAreThoseOfTheGroup) {
  std::vector<double> given;
  GrpoTasks all = tasks();
  all.rewards = [&given](std::span<const SampledAnswer> answers) {
    for (size_t i = 0; i < answers.size(); ++i) given.push_back(static_cast<double>(i % 8 == 2));
    return given;
  };
  const auto t = trainer("run", tasks());
  const auto source = make_grpo_source(t->model(), *device, std::move(all), options);
  const StepData data = source->step(0, 100);
  std::set<float> weights;
  for (const TokenBatch& batch : data.batches) {
    EXPECT_LE(batch.rows(), 100);
    for (size_t row = 0; row < batch.tokens.size(); ++row)
      if (batch.targets[row] >= 0)
        weights.insert(batch.weights[row]);
      else
        EXPECT_EQ(batch.weights[row], 0);
  }
  EXPECT_EQ(weights, (std::set<float>{-0.125f, 0.875f}));
}

/// Sums over a document are what the whole vocabulary leaves of 1.
TEST_F(Grpo, LogProbabilitiesAreThoseOfTheModel) {
  const auto t = trainer("run", tasks());
  const NoGradient guard(t->model());
  double total = 0;
  for (int target = 0; target < 24; ++target) {
    TokenBatch batch{{1, 5, 3}, {-1, -1, target}, {0, 1, 2}, {0, 3}, {}};
    const std::vector<float> p = target_log_probs(t->model(), batch);
    EXPECT_EQ(p[0], 0);
    total += std::exp(p[2]);
  }
  EXPECT_NEAR(total, 1, 1e-5);
}

}  // namespace
}  // namespace dure

#include "train/trainer.h"

#include <gmock/gmock.h>

#include "backend/registry.h"
#include "base/error.h"
#include "base/error_of.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

/// A DeepSeek-V3 of two layers, with routed experts and MTP.
Json tiny_config() {
  return parse_json(R"({"model_type": "deepseek_v3", "vocab_size": 32, "hidden_size": 32, "num_hidden_layers": 2,
    "first_k_dense_replace": 1, "intermediate_size": 48, "num_attention_heads": 2, "q_lora_rank": 16,
    "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16, "n_shared_experts": 1,
    "routed_scaling_factor": 2.5, "tie_word_embeddings": true, "num_nextn_predict_layers": 1})",
                    "tiny");
}

Json tiny_recipe() {
  return parse_json(R"({"output": "run", "model": {"std": 0.1}, "data": {}, "tokens": 640,
    "batch": {"tokens": 64, "micro_tokens": 24},
    "optimizer": {"lr": 0.01, "eps": 1e-10}, "schedule": {"warmup_steps": 2},
    "loss": {"mtp": 0.3, "balance": 1e-4, "bias_speed": 0.001}, "checkpoint": {"every_steps": 4}})",
                    "recipe");
}

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() { json["model"]["config"] = tiny_config(); }

  std::unique_ptr<TokenSource> data() const {
    Rng rng(5);
    std::vector<int> tokens(400);
    for (int& t : tokens) t = static_cast<int>(rng.below(32));
    return make_token_windows(tokens, 16, 1);
  }
  std::unique_ptr<Trainer> trainer(const std::string& run = "run", Device* on = nullptr) {
    json["output"] = run;
    return std::make_unique<Trainer>(parse_recipe(json, "recipe", folder.path()), on ? *on : *device,
                                     [this](Model&) { return data(); });
  }
  static std::vector<float> weights(Trainer& t) {
    std::vector<float> all;
    for (const Parameter& p : t.model().parameters()) {
      const std::vector<float> values = p.tensor.to_floats();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
  static std::vector<float> run(Trainer& t) {
    while (!t.done()) t.step();
    return weights(t);
  }

  const TemporaryFolder folder;
  const std::unique_ptr<Device> device = make_device({.threads = 1});
  Json json = tiny_recipe();
  int runs = 0;
};

TEST_F(TrainerTest, OverfitsOneBatch) {
  for (const char* method : {"adamw", "muon"}) {
    json["optimizer"]["type"] = method;
    json["tokens"] = 100 * 64;
    json["batch"]["tokens"] = json["batch"]["micro_tokens"] = 64;
    json["output"] = method;
    Trainer t(parse_recipe(json, "recipe", folder.path()), *device, [](Model&) {
      return make_token_windows({3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2}, 16, 1);
    });
    StepReport last;
    const double first = t.step().parts.main;
    while (!t.done()) last = t.step();
    EXPECT_GT(first, 2.5) << method;
    EXPECT_LT(last.parts.main, 0.05) << method;
    EXPECT_LT(last.parts.mtp, 0.3) << method;
  }
}

TEST_F(TrainerTest, AResumedRunHasTheBitsOfAnUninterruptedOne) {
  for (const char* method : {"adamw", "muon"}) {
    json["optimizer"]["type"] = method;
    const std::string name = method;
    const std::vector<float> whole = run(*trainer(name + "-whole"));
    auto first = trainer(name + "-cut");
    for (int i = 0; i < 7; ++i) first->step();  // the last checkpoint is that of step 4
    EXPECT_FALSE(first->resumed_from());
    auto second = trainer(name + "-cut");
    EXPECT_EQ(second->resumed_from(), 4);
    EXPECT_EQ(second->tokens(), 256);
    EXPECT_EQ(run(*second), whole) << method;
  }
}

TEST_F(TrainerTest, NeitherThreadsNorRecomputationChangeTheResult) {
  const std::vector<float> expected = run(*trainer("one"));
  const std::unique_ptr<Device> two = make_device({.threads = 2});
  EXPECT_EQ(run(*trainer("two", two.get())), expected);
  json["batch"]["recompute"] = true;
  EXPECT_EQ(run(*trainer("again")), expected);
}

TEST_F(TrainerTest, MicroBatchesAreOneBatch) {
  json["batch"]["micro_tokens"] = 64;
  const StepReport whole = trainer("whole")->step();
  json["batch"]["micro_tokens"] = 32;
  const StepReport parts = trainer("parts")->step();
  EXPECT_NEAR(parts.parts.main, whole.parts.main, 1e-5);
  EXPECT_NEAR(parts.parts.mtp, whole.parts.mtp, 1e-5);
  EXPECT_NEAR(parts.parts.balance, whole.parts.balance, 1e-5);
  EXPECT_NEAR(parts.gradient_norm, whole.gradient_norm, 1e-4);
}

TEST_F(TrainerTest, CheckpointsAreModelsInBfloat16) {
  auto t = trainer();
  run(*t);
  const RunFolder runs(folder / "run");
  EXPECT_EQ(runs.latest(), 10);
  EXPECT_FALSE(std::filesystem::exists(runs.step(4)));  // two are kept
  const auto checkpoint = open_checkpoint(runs.step(10), *device);
  EXPECT_EQ(checkpoint->config()["torch_dtype"], "bfloat16");
  EXPECT_EQ(checkpoint->get("model.embed_tokens.weight").data.dtype(), DType::BF16);
  EXPECT_EQ(checkpoint->get("model.layers.1.mlp.gate.e_score_correction_bias").data.dtype(), DType::F32);
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
  EXPECT_TRUE(model->can_draft());
  EXPECT_EQ(model->parameters().size(), t->model().parameters().size());
}

TEST_F(TrainerTest, BiasesMoveTowardsEvenLoad) {
  auto t = trainer();
  t->step();
  for (const Parameter& p : t->model().parameters()) {
    if (!p.name.ends_with("e_score_correction_bias")) continue;
    for (const float b : p.tensor.data()) EXPECT_THAT(b, testing::AnyOf(0.f, 0.001f, -0.001f));
    EXPECT_THAT(p.tensor.to_floats(), testing::Contains(testing::Ne(0.f)));
  }
}

TEST_F(TrainerTest, StepsThatAreNotFiniteChangeNothingAndEndTheRun) {
  auto t = trainer();
  t->step();
  Tensor(t->model().parameters()[0].tensor).data()[0] = std::numeric_limits<float>::quiet_NaN();
  Tensor(t->model().parameters()[0].tensor).data()[1] = std::numeric_limits<float>::quiet_NaN();
  const Tensor norm = t->model().parameters()[1].tensor;
  const std::vector<float> before = norm.to_floats();
  int skipped = 0;
  try {
    for (int i = 0; i < 9; ++i) skipped += t->step().skipped;
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("3 steps in a row were not finite"));
  }
  EXPECT_EQ(skipped, 2);
  EXPECT_EQ(norm.to_floats(), before);
  EXPECT_THROW(t->save(), Error);  // a weight is not finite
  EXPECT_FALSE(RunFolder(folder / "run").latest());
}

/// Rows of another source of which those with an even token, or those with an odd one, are to be learned.
class Parity : public TokenSource {
 public:
  Parity(std::unique_ptr<TokenSource> all, int parity) : all_(std::move(all)), parity_(parity) {}
  TokenBatch next(int64_t tokens) override {
    TokenBatch batch = all_->next(tokens);
    for (int& t : batch.targets)
      if (t % 2 != parity_) t = -1;
    return batch;
  }
  int vocab_size() const override { return all_->vocab_size(); }
  Json state() const override { return all_->state(); }
  void restore(const Json& state) override { all_->restore(state); }

 private:
  std::unique_ptr<TokenSource> all_;
  int parity_;
};

TEST_F(TrainerTest, FineTuningGoesOnFromARunAndLearnsOnlyWhatItIsAsked) {
  auto first = trainer("pretrained");
  const std::vector<float> pretrained = run(*first);
  json["model"] = Json{{"from", "pretrained"}};
  json["objective"] = "sft";
  json["batch"]["micro_tokens"] = 64;
  const auto tune = [&](std::unique_ptr<TokenSource> source) {
    json["output"] = fmt::format("tuned-{}", ++runs);
    Trainer t(parse_recipe(json, "recipe", folder.path()), *device, [&](Model&) { return std::move(source); });
    EXPECT_EQ(weights(t), pretrained);  // in float32, not as it was exported
    EXPECT_FALSE(t.resumed_from());
    return t.step().parts.main;
  };
  std::vector<double> counts(2);
  for (const int target : data()->next(64).targets)
    if (target >= 0) ++counts[static_cast<size_t>(target % 2)];
  const double even = tune(std::make_unique<Parity>(data(), 0)), odd = tune(std::make_unique<Parity>(data(), 1));
  EXPECT_NEAR(tune(data()), (counts[0] * even + counts[1] * odd) / (counts[0] + counts[1]), 1e-5);
  EXPECT_GT(std::abs(even - odd), 1e-3);

  json["model"]["from"] = "nowhere";
  EXPECT_THROW(tune(data()), Error);
}

TEST_F(TrainerTest, AnAdapterIsTrainedBesideItsBase) {
  run(*trainer("base"));
  json["model"] = Json{{"from", "base"}};
  json["lora"] = Json{{"r", 4}, {"lora_alpha", 8}, {"target_modules", "all-linear"}};
  json["optimizer"]["lr"] = 0.02;
  json["loss"] = Json::object();
  auto whole = trainer("whole");
  const double untrained = whole->step().parts.main;
  EXPECT_LT(whole->parameters().size(), whole->model().parameters().size());
  const RunFolder base(folder / "base");
  const std::string before = read_file(base.step(*base.latest()) / "model.safetensors");
  double last = 0;
  while (!whole->done()) last = whole->step().parts.main;
  EXPECT_LT(last, untrained - 0.02);
  EXPECT_EQ(read_file(base.step(*base.latest()) / "model.safetensors"), before);

  auto cut = trainer("cut");
  for (int i = 0; i < 5; ++i) cut->step();
  auto resumed = trainer("cut");
  EXPECT_EQ(resumed->resumed_from(), 4);
  run(*resumed);
  const auto file = [&](const char* name) {
    return read_file(folder / name / "step-00000010/adapter_model.safetensors");
  };
  EXPECT_EQ(file("cut"), file("whole"));

  // What was saved is what was trained: loaded like any adapter, it has the loss of the run.
  const auto checkpoint = open_checkpoint(base.step(*base.latest()), *device);
  const auto loss = [&](Model& model) {
    const TokenBatch rows = data()->next(64);
    StepSize size;
    size.add(rows);
    PretrainLoss parts;
    pretrain_backward(model, *device, rows, size, {}, {}, parts);
    return parts.main;
  };
  const auto adapted = load_model(*checkpoint, *device, {.adapters = {{.folder = folder / "whole/step-00000010"}}});
  EXPECT_NEAR(loss(*adapted), loss(whole->model()), 1e-5);
  EXPECT_GT(loss(*load_model(*checkpoint, *device)), loss(*adapted));

  json["lora"]["r"] = 8;
  EXPECT_THROW(trainer("whole"), Error);  // another adapter is there
}

/// A teacher of another shape, whose weights are large enough to have opinions: the data are noise.
TEST_F(TrainerTest, AStudentLearnsWhatItsTeacherThinks) {
  json["model"]["std"] = 0.4;
  json["model"]["config"]["hidden_size"] = 48;
  trainer("teacher")->save();
  json["model"] = Json{{"std", 0.1}, {"config", tiny_config()}};
  json["objective"] = "distill";
  json["distill"] = Json{{"teacher", "teacher"}, {"temperature", 2}};
  json["tokens"] = 200 * 64;
  auto student = trainer("student");
  const StepReport first = student->step();
  StepReport last;
  while (!student->done()) last = student->step();
  ASSERT_EQ(first.measures.size(), 1);
  EXPECT_EQ(first.measures[0].first, "teacher");
  EXPECT_EQ(first.measures[0].second, first.parts.teacher);
  EXPECT_NEAR(first.loss, first.parts.teacher + 0.3 * first.parts.mtp + 1e-4 * first.parts.balance, 1e-6);
  EXPECT_GT(first.parts.teacher, 0.05);
  EXPECT_LT(last.parts.teacher, 0.3 * first.parts.teacher);

  json["tokens"] = 640;
  const std::vector<float> whole = run(*trainer("whole"));
  auto cut = trainer("cut");
  for (int i = 0; i < 5; ++i) cut->step();
  EXPECT_EQ(run(*trainer("cut")), whole);

  json["distill"]["share"] = 0;
  const std::vector<float> untaught = run(*trainer("untaught"));
  json.erase("distill");
  json["objective"] = "pretrain";
  EXPECT_EQ(run(*trainer("alone")), untaught);
}

TEST_F(TrainerTest, RefusesTeachersOfOthers) {
  json["model"]["config"]["vocab_size"] = 40;
  trainer("teacher")->save();
  json["model"]["config"] = tiny_config();
  json["objective"] = "distill";
  EXPECT_THAT(error_of([&] { trainer(); }), testing::HasSubstr("field 'teacher'"));
  json["distill"] = Json{{"teacher", "teacher"}};
  EXPECT_THAT(error_of([&] { trainer(); }), testing::HasSubstr("its teacher has 40 tokens, the model 32"));
  json["objective"] = "pretrain";
  EXPECT_THAT(error_of([&] { trainer(); }), testing::HasSubstr("'distill' belongs to the objective distill"));
}

TEST_F(TrainerTest, RefusesWhatDoesNotFitTogether) {
  run(*trainer());
  json["model"]["config"]["hidden_size"] = 64;
  EXPECT_THROW(trainer(), Error);  // the folder holds another model
  json["model"]["config"] = tiny_config();
  json["optimizer"]["type"] = "muon";
  EXPECT_THROW(trainer(), Error);  // and another optimizer
  json["model"]["config"]["vocab_size"] = 31;
  EXPECT_THROW(trainer("small"), Error);  // the data have 32 tokens
}

}  // namespace
}  // namespace dure

#include "train/align/dpo.h"

#include <gmock/gmock.h>

#include <cmath>

#include "backend/registry.h"
#include "base/error_of.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "formats/temporary_folder.h"
#include "text/chat_template.h"
#include "train/align/preferences.h"
#include "train/data/deepseek_tokenizer.h"
#include "train/trainer.h"

namespace dure {
namespace {

const char* const kRecipe = R"({"objective": "pretrain", "output": "run", "data": {}, "tokens": 2000,
  "model": {"std": 0.2, "config": {"model_type": "deepseek_v3", "vocab_size": 24, "hidden_size": 32,
    "num_hidden_layers": 2, "first_k_dense_replace": 2, "intermediate_size": 48, "num_attention_heads": 2,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16,
    "n_shared_experts": 1, "routed_scaling_factor": 2.5, "max_position_embeddings": 64}},
  "batch": {"tokens": 64, "micro_tokens": 30}, "optimizer": {"lr": 0.003, "weight_decay": 0},
  "schedule": {"shape": "constant", "warmup_steps": 0}})";

class Dpo : public testing::Test {
 protected:
  /// Prompts of three tokens; answers of different lengths, of which the longer one is preferred.
  static std::vector<PreferencePair> pairs() {
    std::vector<PreferencePair> pairs;
    Rng rng(3);
    const auto answer = [&](const std::vector<int>& prompt, size_t length) {
      TokenizedDocument d{prompt, std::vector<bool>(prompt.size(), false)};
      for (size_t i = 0; i < length; ++i) d.ids.push_back(static_cast<int>(rng.below(24)));
      d.learned.resize(d.ids.size(), true);
      return d;
    };
    for (int p = 0; p < 6; ++p) {
      const std::vector<int> prompt = {1, 2 + p, 3};
      pairs.push_back({answer(prompt, 7), answer(prompt, 4)});
    }
    return pairs;
  }
  std::unique_ptr<Trainer> trainer(const std::string& run, int64_t tokens = 2000) {
    Json json = parse_json(kRecipe, "recipe");
    json["output"] = run;
    json["tokens"] = tokens;
    options.reference = folder.path() / run / "reference.json";
    return std::make_unique<Trainer>(parse_recipe(json, "recipe", folder.path()), *device,
                                     [&](Model& model) { return make_dpo_source(model, *device, pairs(), options); });
  }
  static double measure(const std::vector<std::pair<std::string, double>>& measures, std::string_view name) {
    for (const auto& [key, value] : measures)
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
  std::unique_ptr<Device> device = make_device({.threads = 2});
  DpoOptions options{.pairs = 6, .beta = 0.5};
};

TEST_F(Dpo, BeginsUndecidedAndLearnsWhatIsPreferred) {
  const auto t = trainer("run");
  const StepReport first = t->step();
  EXPECT_NEAR(measure(first.measures, "dpo_loss"), std::log(2.0), 1e-6);
  EXPECT_EQ(measure(first.measures, "margin"), 0);
  StepReport last;
  while (!t->done()) last = t->step();
  EXPECT_LT(measure(last.measures, "dpo_loss"), 0.2);
  EXPECT_EQ(measure(last.measures, "right"), 1);
  EXPECT_GT(measure(last.measures, "margin"), 1);
}

/// The loss that is reported falls along the gradient that the weighted targets give as fast as that gradient says.
TEST_F(Dpo, TheGradientIsThatOfTheLoss) {
  options.label_smoothing = 0.1;
  const auto t = trainer("run");
  for (int i = 0; i < 3; ++i) t->step();  // away from the start, where all margins are 0
  const auto loss = [&](StepData* data = nullptr) {
    StepData made = make_dpo_source(t->model(), *device, pairs(), options)->step(0, 30);
    const double value = measure(made.measures, "dpo_loss");
    if (data != nullptr) *data = std::move(made);
    return value;
  };
  StepData data;
  const double here = loss(&data);
  EXPECT_GT(data.batches.size(), 1u);
  StepSize size;
  for (const TokenBatch& batch : data.batches) size.add(batch);
  for (const Parameter& p : t->parameters()) Tensor(p.tensor).clear_grad();
  PretrainLoss ignored;
  for (const TokenBatch& batch : data.batches) pretrain_backward(t->model(), *device, batch, size, {}, {}, ignored);
  double squares = 0;
  for (const Parameter& p : t->parameters())
    for (const float g : p.tensor.grad().data()) squares += double{g} * g;
  const double step = 1e-3 / std::sqrt(squares);
  const auto move = [&](double by) {
    for (const Parameter& p : t->parameters()) {
      const auto w = p.tensor.data();
      const auto g = p.tensor.grad().data();
      for (size_t i = 0; i < w.size(); ++i) w[i] += static_cast<float>(by * g[i]);
    }
  };
  move(step);
  const double above = loss();
  move(-2 * step);
  const double below = loss();
  EXPECT_NEAR((above - below) / (2 * step * squares), 1, 0.01) << here;
}

TEST_F(Dpo, ARunThatIsResumedHasTheSameBitsAndTheSameReference) {
  const auto whole = trainer("whole", 400);
  while (!whole->done()) whole->step();
  {
    const auto half = trainer("halves", 400);
    half->step();
    half->save();
  }
  const auto rest = trainer("halves", 400);
  EXPECT_EQ(rest->steps(), 1);
  while (!rest->done()) rest->step();
  EXPECT_EQ(weights(*rest), weights(*whole));

  std::filesystem::remove(folder / "halves" / "reference.json");
  EXPECT_THAT(error_of([&] { trainer("halves", 400); }), testing::HasSubstr("not what the run began with"));
  write_file_atomically(folder / "halves" / "reference.json",
                        [](std::ostream& out) { out << R"({"log_probs": [1]})"; });
  EXPECT_THAT(error_of([&] { trainer("halves", 400); }), testing::HasSubstr("expected 12 numbers"));
}

TEST(Preferences, LearnTheLastAnswerAlone) {
  const Tokenizer tokenizer(deepseek_tokenizer(learn_merges({{"hello", 9}}, {})));
  const ChatTemplate chat(std::string(deepseek_chat_template()), "test");
  const TemporaryFolder folder;
  const auto read = [&](const std::string& line) {
    write_file_atomically(folder / "p.jsonl", [&](std::ostream& out) { out << line << "\n\n"; });
    return read_preferences(folder / "p.jsonl", chat, tokenizer);
  };
  const auto said = [&](const TokenizedDocument& d) {
    std::string text;
    for (size_t i = 0; i < d.ids.size(); ++i)
      if (d.learned[i]) text += tokenizer.token_bytes(d.ids[i]);
    return text;
  };
  const PreferencePair text = read(R"({"prompt": "hi", "chosen": "<think>m</think>hello", "rejected": "no"})").at(0);
  EXPECT_EQ(said(text.chosen), "m</think>hello<｜end▁of▁sentence｜>");
  EXPECT_EQ(said(text.rejected), "no<｜end▁of▁sentence｜>");
  const PreferencePair turns =
      read(R"({"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, )"
           R"({"role": "user", "content": "c"}], "chosen": [{"role": "assistant", "content": "d"}], )"
           R"("rejected": {"role": "assistant", "content": "e"}})")
          .at(0);
  EXPECT_EQ(said(turns.chosen), "d<｜end▁of▁sentence｜>");
  EXPECT_EQ(said(turns.rejected), "e<｜end▁of▁sentence｜>");
  for (const auto& [line, words] :
       {std::pair{R"({"prompt": "a", "chosen": "b"})", "p.jsonl:1: field 'rejected' is missing"},
        {R"({"prompt": 5, "chosen": "b", "rejected": "c"})", "field 'prompt': expected a text"},
        {R"({"prompt": "a", "chosen": [{"role": "user", "content": "b"}], "rejected": "c"})", "by an assistant"},
        {"", "no preferences"}})
    EXPECT_THAT(error_of([&, l = line] { read(l); }), testing::HasSubstr(words));
}

}  // namespace
}  // namespace dure

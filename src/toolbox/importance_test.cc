#include "toolbox/importance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "backend/registry.h"
#include "base/error.h"

namespace dure {
namespace {

/// A fixture on a device that somebody looks at, or nobody.
struct LoadedModel {
  explicit LoadedModel(const std::string& name, bool observed = true)
      : device(make_device({.threads = 1, .observer = observed ? inputs.observer() : InputObserver()})),
        checkpoint(open_checkpoint(DURE_TESTS_DIR "/fixtures/models/" + name, *device)),
        model(load_model(*checkpoint, *device)) {}

  InputSquares inputs;
  std::unique_ptr<Device> device;
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Model> model;
};

const std::vector<int> kText = {5, 9, 200, 31, 7, 7, 120, 44, 2, 90, 61};

double total(const std::vector<float>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

TEST(Importance, SumsSquaresOfWhatGoesIn) {
  LoadedModel run("llama3-tiny");
  const Imatrix imatrix = measure_importance(*run.model, run.inputs, kText, {.context = 4, .chunks = 0, .bos = 1});
  EXPECT_EQ(imatrix.chunks, 2);
  EXPECT_EQ(imatrix.chunk_size, 4);
  const Imatrix::Entry& q = *imatrix.find("blk.0.attn_q.weight");
  EXPECT_EQ(q.counts, std::vector<float>{8});
  EXPECT_EQ(q.sums, imatrix.find("blk.0.attn_v.weight")->sums);
  EXPECT_EQ(imatrix.find("output.weight"), nullptr);

  const std::vector<float> table = run.checkpoint->get("model.embed_tokens.weight").data.to_floats();
  const std::vector<float> norm = run.checkpoint->get("model.layers.0.input_layernorm.weight").data.to_floats();
  const size_t D = norm.size();
  std::vector<double> expected(D);
  for (int id : {1, 9, 200, 31, 1, 7, 120, 44}) {  // BOS in place of each chunk's first
    const float* x = &table[static_cast<size_t>(id) * D];
    const double square = std::inner_product(x, x + D, x, 0.0) / static_cast<double>(D) + 1e-5;
    for (size_t i = 0; i < D; ++i) expected[i] += x[i] * x[i] / square * norm[i] * norm[i];
  }
  for (size_t i = 0; i < D; ++i) EXPECT_NEAR(q.sums[i], expected[i], 1e-4 * expected[i]) << i;
}

TEST(Importance, ExpertsCountTheTokensThatWentToThem) {
  for (const auto& [name, layer] : {std::pair{"ds3-tiny", 1}, {"ds2lite-tiny", 1}, {"qwen3moe-tiny", 0}}) {
    SCOPED_TRACE(name);
    LoadedModel run(name);
    const Imatrix imatrix = measure_importance(*run.model, run.inputs, kText, {.context = 11});
    const std::string block = "blk." + std::to_string(layer) + ".ffn_";
    const Imatrix::Entry &router = *imatrix.find(block + "gate_inp.weight"),
                         &up = *imatrix.find(block + "up_exps.weight"),
                         &down = *imatrix.find(block + "down_exps.weight");
    EXPECT_EQ(up.sums, imatrix.find(block + "gate_exps.weight")->sums);
    EXPECT_EQ(up.counts, down.counts);
    EXPECT_GT(up.counts.size(), 1);
    const double choices = total(up.counts) / 11;  // of each token
    EXPECT_EQ(choices, std::round(choices));
    EXPECT_NEAR(total(up.sums), choices * total(router.sums), 1e-4 * total(up.sums));
    EXPECT_GT(total(down.sums), 0);
  }
}

TEST(Importance, HalvesOfTheLatentProjectionHaveTheirOwnInputs) {
  LoadedModel run("ds3-tiny");
  const Imatrix imatrix = measure_importance(*run.model, run.inputs, kText, {.context = 11});
  EXPECT_EQ(imatrix.find("blk.0.attn_k_b.weight")->sums.size(), 4 * 24);  // heads * qk_nope_head_dim
  EXPECT_EQ(imatrix.find("blk.0.attn_v_b.weight")->sums.size(), 4 * 32);  // heads * kv_lora_rank
  for (const char* half : {"blk.0.attn_k_b.weight", "blk.0.attn_v_b.weight"})
    EXPECT_EQ(imatrix.find(half)->counts, std::vector<float>{11});
  EXPECT_EQ(imatrix.find("blk.0.attn_kv_b.weight"), nullptr);
}

TEST(Importance, LookingChangesNothing) {
  for (const char* name : {"ds3-tiny", "qwen3moe-tiny"})
    EXPECT_EQ(LoadedModel(name, true).model->forward(single_sequence(kText)).to_floats(),
              LoadedModel(name, false).model->forward(single_sequence(kText)).to_floats());
}

TEST(Importance, ATextMustFillAChunk) {
  LoadedModel run("llama3-tiny");
  EXPECT_THROW(measure_importance(*run.model, run.inputs, kText, {.context = 12}), Error);
}

}  // namespace
}  // namespace dure

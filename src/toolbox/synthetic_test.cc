#include "toolbox/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "backend/registry.h"
#include "base/rng.h"
#include "formats/temporary_folder.h"
#include "models/model.h"

namespace dure {
namespace {

ShapeSource shape_of(const std::string& fixture) {
  return open_shape(DURE_TESTS_DIR "/fixtures/models/" + fixture + "/config.json");
}

std::vector<int> random_tokens(int count, int vocab_size) {
  Rng rng(1);
  std::vector<int> tokens(static_cast<size_t>(count));
  for (int& token : tokens) token = static_cast<int>(rng.below(static_cast<uint64_t>(vocab_size)));
  return tokens;
}

TEST(Synthetic, AFileRunsAndIsAsLargeAsPlanned) {
  const TemporaryFolder folder;
  const std::unique_ptr<Device> device = make_device();
  for (const char* name : {"ds3-fp8", "ds2lite-tiny", "qwen3moe-tiny", "llama3-tiny", "qwen2-tied"})
    for (const char* type : {"bf16", "q4_k_m", "q4_0"}) {
      SCOPED_TRACE(fmt::format("{} {}", name, type));
      const ShapeSource source = shape_of(name);
      const QuantType& quant = find_quant_type(type);
      const auto path = folder.path() / fmt::format("{}.{}.gguf", name, type);
      int64_t done = 0, total = 0;
      write_synthetic(source, quant, *device, path, [&](int64_t now, int64_t all) {
        EXPECT_GT(now, done);
        done = now;
        total = all;
      });
      EXPECT_EQ(done, total);
      EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(path)), total);

      const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(path, *device);
      const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
      EXPECT_EQ(model->info().hidden_size, source.shape.info.hidden_size);
      const Tensor logits = model->logits(model->forward(single_sequence({1, 2, 3})));
      for (const float v : logits.to_floats()) ASSERT_TRUE(std::isfinite(v));
    }
}

// A benchmark of experts is worth nothing if all tokens take the same ones.
TEST(Synthetic, TokensSpreadOverTheExperts) {
  ShapeSource source{"small",
                     parse_json(R"({"model_type":"deepseek_v2","hidden_size":256,"num_hidden_layers":6,
      "num_attention_heads":4,"num_key_value_heads":4,"intermediate_size":512,"moe_intermediate_size":64,
      "n_routed_experts":32,"n_shared_experts":2,"num_experts_per_tok":4,"first_k_dense_replace":1,"kv_lora_rank":64,
      "qk_nope_head_dim":32,"qk_rope_head_dim":16,"v_head_dim":32,"vocab_size":4096,"topk_method":"greedy",
      "max_position_embeddings":512})",
                                "small"),
                     {},
                     {}};
  source.shape = model_shape(source.config, "small");
  const StoredModel stored = as_quantised(source.shape, source.config, find_quant_type("q4_0"));
  const std::unique_ptr<Device> device = make_device();
  const std::unique_ptr<Checkpoint> checkpoint = make_synthetic(source, stored, *device);
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
  std::vector<std::vector<int>> chosen(6, std::vector<int>(32));
  const Trace trace = [&](std::string_view name, int layer, const Tensor& value) {
    if (name != "router_experts") return;
    for (int64_t t = 0; t < value.dim(0); ++t)
      for (int64_t k = 0; k < value.dim(1); ++k)
        ++chosen[static_cast<size_t>(layer)][static_cast<size_t>(value.data<int>()[static_cast<size_t>(t * 4 + k)])];
  };
  Batch batch = single_sequence(random_tokens(512, 4096));
  batch.trace = &trace;
  model->forward(batch);
  for (size_t layer = 1; layer < 6; ++layer) {  // 64 tokens for each expert if all were even
    EXPECT_EQ(std::accumulate(chosen[layer].begin(), chosen[layer].end(), 0), 512 * 4);
    EXPECT_GT(*std::min_element(chosen[layer].begin(), chosen[layer].end()), 16) << "layer " << layer;
    EXPECT_LT(*std::max_element(chosen[layer].begin(), chosen[layer].end()), 150) << "layer " << layer;
  }
}

}  // namespace
}  // namespace dure

#include "formats/gguf_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "formats/gguf_names.h"
#include "formats/gguf_writer.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using ::testing::HasSubstr;

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

std::unique_ptr<Checkpoint> open(const GgufWriter& writer) {
  auto owner = std::make_shared<std::string>(writer.bytes());
  std::vector<Gguf> parts;
  parts.push_back(Gguf::parse(std::as_bytes(std::span(*owner)), "x.gguf", owner));
  return make_gguf_checkpoint(std::move(parts), device());
}

/// 0, 1, 2, ... so that every element tells where it came from.
Tensor counting(const Shape& shape) {
  Tensor t = Tensor::zeros(device(), DType::F32, shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.data()[i] = static_cast<float>(i);
  return t;
}

GgufWriter small(const std::string& arch) {
  GgufWriter writer;
  writer.add("general.architecture", arch);
  writer.add(arch + ".block_count", uint32_t{2});
  writer.add(arch + ".embedding_length", uint32_t{8});
  writer.add(arch + ".feed_forward_length", uint32_t{16});
  writer.add(arch + ".attention.head_count", uint32_t{2});
  writer.add(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
  writer.add_tensor("token_embd.weight", counting({10, 8}));
  return writer;
}

void add_deepseek(GgufWriter& writer) {
  const auto add = [&](const char* key, uint32_t value) { writer.add(std::string("deepseek2.") + key, value); };
  add("rope.dimension_count", 4);
  add("attention.key_length_mla", 10);
  add("attention.value_length_mla", 5);
  add("attention.key_length", 36);
  add("attention.value_length", 32);
  add("attention.kv_lora_rank", 32);
  add("expert_used_count", 3);
  add("expert_shared_count", 2);
  add("expert_feed_forward_length", 12);
  add("leading_dense_block_count", 1);
}

TEST(GgufNames, OfHuggingFaceNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"model.embed_tokens.weight", "token_embd.weight"},
      {"lm_head.weight", "output.weight"},
      {"model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"},
      {"model.layers.3.self_attn.q_proj.bias", "blk.3.attn_q.bias"},
      {"model.layers.12.self_attn.kv_a_proj_with_mqa.weight", "blk.12.attn_kv_a_mqa.weight"},
      {"model.layers.0.mlp.gate.weight", "blk.0.ffn_gate_inp.weight"},
      {"model.layers.0.mlp.gate_proj.weight", "blk.0.ffn_gate.weight"},
      {"model.layers.0.mlp.gate.e_score_correction_bias", "blk.0.exp_probs_b.bias"},
      {"model.layers.7.mlp.experts.25.down_proj.weight", "blk.7.ffn_down_exps.weight"},
      {"model.layers.61.shared_head.head.weight", "blk.61.nextn.shared_head_head.weight"},
  };
  for (const auto& [name, place] : cases) {
    ASSERT_FALSE(gguf_places(name).empty()) << name;
    EXPECT_EQ(gguf_places(name).front().name, place);
  }
  EXPECT_EQ(gguf_places("model.layers.7.mlp.experts.25.up_proj.weight").front().expert, 25);
  for (const char* none : {"", "model.layers.", "model.layers.3", "model.layers.-3.input_layernorm.weight",
                           "model.layers.03.input_layernorm.weight", "model.layers.3.input_layernorm",
                           "model.layers.3.input_layernorm.scale", "model.layers.3.mlp.experts.x.up_proj.weight",
                           "model.layers.3.mlp.experts.1.up_proj.bias", "model.layers.99999999999.mlp.gate.weight"})
    EXPECT_TRUE(gguf_places(none).empty()) << none;
}

TEST(GgufCheckpoint, RebuildsALlamaConfig) {
  GgufWriter writer = small("llama");
  writer.add("llama.attention.head_count_kv", uint32_t{1});
  writer.add("llama.context_length", uint32_t{128});
  writer.add("llama.rope.freq_base", 500000.f);
  writer.add("tokenizer.ggml.bos_token_id", uint32_t{1});
  writer.add("tokenizer.ggml.eos_token_id", uint32_t{2});
  writer.add("tokenizer.ggml.eot_token_id", uint32_t{3});
  writer.add("general.sampling.temp", 0.6f);
  writer.add_tensor("rope_freqs.weight", counting({2}));
  const auto checkpoint = open(writer);
  EXPECT_EQ(dump_json(checkpoint->config()),
            R"({"model_type":"llama","vocab_size":10,"hidden_size":8,"num_hidden_layers":2,"num_attention_heads":2,)"
            R"("max_position_embeddings":128,"intermediate_size":16,"rms_norm_eps":1e-06,"hidden_act":"silu",)"
            R"("tie_word_embeddings":true,"rope_theta":500000.0,"num_key_value_heads":1,"head_dim":4,)"
            R"("rope_interleaved":true})");
  EXPECT_EQ(checkpoint->generation().eos_token_ids, (std::vector<int>{2, 3}));
  EXPECT_EQ(checkpoint->generation().bos_token_id, 1);
  EXPECT_EQ(checkpoint->generation().temperature, 0.6);
  EXPECT_EQ(checkpoint->get("rope_freqs.weight").data.shape(), (Shape{2}));
  EXPECT_EQ(checkpoint->get("model.embed_tokens.weight").data.shape(), (Shape{10, 8}));
  EXPECT_FALSE(checkpoint->find("lm_head.weight"));
}

TEST(GgufCheckpoint, RebuildsYarn) {
  GgufWriter writer = small("qwen3");
  writer.add("qwen3.attention.key_length", uint32_t{16});
  writer.add("qwen3.rope.scaling.type", "yarn");
  writer.add("qwen3.rope.scaling.factor", 4.f);
  writer.add("qwen3.rope.scaling.original_context_length", uint32_t{64});
  writer.add_tensor("output.weight", counting({10, 8}));
  const auto checkpoint = open(writer);
  EXPECT_EQ(dump_json(checkpoint->config().at("rope_scaling")),
            R"({"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64})");
  EXPECT_EQ(checkpoint->config().at("head_dim"), 16);
  EXPECT_EQ(checkpoint->config().at("tie_word_embeddings"), false);
}

TEST(GgufCheckpoint, FindsTheDenseLayersOfQwen3Moe) {
  GgufWriter writer = small("qwen3moe");
  writer.add("qwen3moe.expert_count", uint32_t{4});
  writer.add("qwen3moe.expert_used_count", uint32_t{2});
  writer.add("qwen3moe.expert_feed_forward_length", uint32_t{6});
  writer.add_tensor("blk.1.ffn_gate_inp.weight", counting({4, 8}));
  writer.add_tensor("blk.1.ffn_up_exps.weight", counting({4, 6, 8}));
  writer.add_tensor("blk.1.ffn_gate_up_exps.weight", counting({4, 12, 8}));
  const auto checkpoint = open(writer);
  EXPECT_EQ(checkpoint->config().at("model_type"), "qwen3_moe");
  EXPECT_EQ(dump_json(checkpoint->config().at("mlp_only_layers")), "[0]");
  const Tensor up = checkpoint->get("model.layers.1.mlp.experts.3.up_proj.weight").data;
  EXPECT_EQ(up.shape(), (Shape{6, 8}));
  EXPECT_EQ(up.to_floats().front(), 3 * 6 * 8);
  const Tensor gate = checkpoint->get("model.layers.1.mlp.experts.3.gate_proj.weight").data;
  EXPECT_EQ(gate.shape(), (Shape{6, 8}));
  EXPECT_EQ(gate.to_floats().front(), 3 * 12 * 8);
  EXPECT_THROW(checkpoint->find("model.layers.1.mlp.experts.4.up_proj.weight"), Error);
}

TEST(GgufCheckpoint, TellsDeepSeekV2FromV3) {
  struct Case {
    uint32_t experts, gating, groups;
    bool bias;
    const char *type, *method;
    int n_group, topk_group;
  };
  const Case cases[] = {
      {64, 1, 0, false, "deepseek_v2", "greedy", 1, 1},
      {64, 0, 0, false, "deepseek_v2", "greedy", 1, 1},
      {160, 0, 0, false, "deepseek_v2", "group_limited_greedy", 8, 3},
      {256, 2, 0, true, "deepseek_v3", "noaux_tc", 8, 4},
      {16, 2, 4, true, "deepseek_v3", "noaux_tc", 4, 2},
      {384, 2, 1, true, "deepseek_v3", "noaux_tc", 1, 1},
  };
  for (const Case& c : cases) {
    GgufWriter writer = small("deepseek2");
    add_deepseek(writer);
    writer.add("deepseek2.expert_count", c.experts);
    if (c.gating) writer.add("deepseek2.expert_gating_func", c.gating);
    if (c.groups) {
      writer.add("deepseek2.expert_group_count", c.groups);
      writer.add("deepseek2.expert_group_used_count", c.groups / 2);
    }
    writer.add("deepseek2.rope.scaling.type", "yarn");
    writer.add("deepseek2.rope.scaling.factor", 40.f);
    writer.add("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707f);
    if (c.bias) writer.add_tensor("blk.1.exp_probs_b.bias", counting({c.experts}));
    const auto checkpoint = open(writer);
    const Json& config = checkpoint->config();
    EXPECT_EQ(config.at("model_type"), c.type) << c.experts;
    EXPECT_EQ(config.at("topk_method"), c.method) << c.experts;
    EXPECT_EQ(config.at("n_group"), c.n_group) << c.experts;
    EXPECT_EQ(config.at("topk_group"), c.topk_group) << c.experts;
    EXPECT_EQ(config.at("qk_nope_head_dim"), 6);
    EXPECT_EQ(config.at("v_head_dim"), 5);
    EXPECT_FALSE(config.contains("q_lora_rank"));
    EXPECT_EQ(config.at("rope_scaling").at("mscale_all_dim"), 0.707);
    EXPECT_EQ(config.at("rope_scaling").at("mscale"), 0.707);
  }
}

TEST(GgufCheckpoint, KeepsTheHalvesOfKvBAndCountsMtpLayers) {
  GgufWriter writer = small("deepseek2");
  add_deepseek(writer);
  writer.add("deepseek2.expert_count", uint32_t{8});
  writer.add("deepseek2.nextn_predict_layers", uint32_t{1});
  writer.add("deepseek2.attention.q_lora_rank", uint32_t{7});
  writer.add_tensor("blk.0.attn_q_a.weight", counting({7, 8}));
  writer.add_tensor("blk.0.attn_k_b.weight", counting({2, 32, 6}));
  writer.add_tensor("blk.0.attn_v_b.weight", counting({2, 5, 32}));
  writer.add_tensor("blk.1.nextn.eh_proj.weight", counting({8, 16}));
  const auto checkpoint = open(writer);
  EXPECT_EQ(checkpoint->config().at("num_hidden_layers"), 1);
  EXPECT_EQ(checkpoint->config().at("num_nextn_predict_layers"), 1);
  EXPECT_EQ(checkpoint->config().at("q_lora_rank"), 7);
  EXPECT_EQ(checkpoint->get("model.layers.0.self_attn.k_b_proj.weight").data.shape(), (Shape{2, 32, 6}));
  EXPECT_EQ(checkpoint->get("model.layers.0.self_attn.v_b_proj.weight").data.shape(), (Shape{2, 5, 32}));
  EXPECT_FALSE(checkpoint->find("model.layers.0.self_attn.kv_b_proj.weight"));
  EXPECT_TRUE(checkpoint->find("model.layers.1.eh_proj.weight"));
}

TEST(GgufCheckpoint, CutsAnExpertFromQuantisedRows) {
  GgufWriter writer = small("qwen3moe");
  writer.add("qwen3moe.expert_count", uint32_t{3});
  writer.add("qwen3moe.expert_used_count", uint32_t{2});
  writer.add("qwen3moe.expert_feed_forward_length", uint32_t{6});
  const Tensor floats = counting({3, 2, 256});
  Tensor blocks = Tensor::empty(device(), DType::Q4_K, {3, 2, 256});
  info(DType::Q4_K).quantise(floats.data().data(), nullptr, blocks.view().data, floats.numel());
  writer.add_tensor("blk.0.ffn_down_exps.weight", blocks);
  const auto checkpoint = open(writer);
  const std::vector<float> all = blocks.to_floats();
  const Tensor expert = checkpoint->get("model.layers.0.mlp.experts.1.down_proj.weight").data;
  EXPECT_EQ(expert.shape(), (Shape{2, 256}));
  EXPECT_EQ(expert.to_floats(), std::vector<float>(all.begin() + 512, all.begin() + 1024));
}

TEST(GgufCheckpoint, NamesTheKeyThatIsWrong) {
  struct Case {
    const char* key;
    uint32_t value;
    const char* message;
  };
  const Case cases[] = {
      {"none", 0, "x.gguf: metadata 'deepseek2.expert_count' is missing"},
      {"expert_count", 0, "'deepseek2.expert_count': expected an integer from 1"},
      {"expert_count", 2, "'deepseek2.expert_used_count': expected an integer from 1 to 2, found 3"},
      {"nextn_predict_layers", 2, "'deepseek2.block_count': expected an integer from 3"},
      {"rope.scaling.type", 0, "expected string"},
  };
  for (const Case& c : cases) {
    GgufWriter writer = small("deepseek2");
    add_deepseek(writer);
    writer.add(std::string("deepseek2.") + c.key, c.value);
    std::string message;
    try {
      open(writer);
    } catch (const Error& e) {
      message = e.what();
    }
    EXPECT_THAT(message, HasSubstr(c.message));
  }
}

TEST(GgufCheckpoint, SaysWhatAnUnknownModelIs) {
  GgufWriter writer;
  writer.add("general.architecture", "mamba");
  EXPECT_EQ(dump_json(open(writer)->config()), R"({"model_type":"mamba"})");
}

TEST(GgufCheckpoint, OpensAModelInParts) {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, uint32_t part, bool metadata) {
    GgufWriter writer = metadata ? small("llama") : GgufWriter();
    writer.add("split.count", uint32_t{2});
    writer.add("split.no", part);
    if (!metadata) writer.add_tensor("output.weight", counting({10, 8}));
    writer.write(folder / name);
  };
  write("m-00001-of-00002.gguf", 0, true);
  EXPECT_THROW(open_checkpoint(folder / "m-00001-of-00002.gguf", device()), Error);  // the second is missing
  write("m-00002-of-00002.gguf", 1, false);
  const auto checkpoint = open_checkpoint(folder / "m-00001-of-00002.gguf", device());
  EXPECT_TRUE(checkpoint->find("lm_head.weight"));
  EXPECT_EQ(checkpoint->config().at("tie_word_embeddings"), false);
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_THROW(open_checkpoint(folder / "m-00002-of-00002.gguf", device()), Error);
}

}  // namespace
}  // namespace dure

#include "formats/gguf_source.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error_of.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

struct Model {
  Json config;
  std::vector<std::pair<std::string, Shape>> tensors;
};

/// A model folder; element i of tensor t is 1000 t + i.
fs::path write(const Model& model, const TemporaryFolder& folder) {
  write_file_atomically(folder / "config.json", [&](std::ostream& out) { out << dump_json(model.config); });
  std::vector<std::pair<std::string, Tensor>> list;
  for (size_t t = 0; t < model.tensors.size(); ++t) {
    const auto& [name, shape] = model.tensors[t];
    std::vector<float> values(static_cast<size_t>(shape.numel()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(1000 * t + i);
    list.emplace_back(name, Tensor::from(device(), values, shape));
  }
  write_safetensors(folder / "model.safetensors", list);
  return folder.path();
}

Model llama() {
  return {{{"model_type", "llama"},
           {"hidden_size", 4},
           {"num_hidden_layers", 1},
           {"num_attention_heads", 2},
           {"num_key_value_heads", 1},
           {"head_dim", 4},
           {"intermediate_size", 6},
           {"vocab_size", 3}},
          {{"model.layers.0.self_attn.q_proj.weight", {8, 4}},
           {"model.layers.0.self_attn.k_proj.weight", {4, 4}},
           {"model.layers.0.self_attn.k_proj.bias", {4}},
           {"model.layers.0.self_attn.rotary_emb.inv_freq", {2}}}};
}

Model deepseek() {
  return {{{"model_type", "deepseek_v3"},
           {"hidden_size", 4},
           {"num_hidden_layers", 1},
           {"num_attention_heads", 2},
           {"kv_lora_rank", 3},
           {"qk_nope_head_dim", 2},
           {"qk_rope_head_dim", 2},
           {"v_head_dim", 1},
           {"intermediate_size", 6},
           {"n_routed_experts", 2},
           {"num_experts_per_tok", 1},
           {"moe_intermediate_size", 5},
           {"num_nextn_predict_layers", 1},
           {"vocab_size", 3}},
          {{"model.layers.0.self_attn.kv_b_proj.weight", {6, 3}},
           {"model.layers.0.mlp.experts.1.up_proj.weight", {5, 4}},
           {"model.layers.0.mlp.experts.0.up_proj.weight", {5, 4}},
           {"model.layers.1.eh_proj.weight", {4, 8}}}};
}

std::vector<float> rows_of(const GgufSource& source, const std::string& name, int64_t matrix = 0) {
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const Shape& shape = source.tensors()[i].shape;
    if (source.tensors()[i].name != name) continue;
    const int64_t rows = shape.numel() / shape.back() / matrices(shape);
    std::vector<float> values(static_cast<size_t>(rows * shape.back()));
    const auto open = source.open(i, matrix);
    for (int64_t r = 0; r < rows; ++r) open->read(r, 1, values.data() + r * shape.back());
    return values;
  }
  return {};
}

TEST(GgufSource, LlamasRotaryChannelsBecomeNeighbours) {
  const TemporaryFolder folder;
  Model model = llama();
  const auto source = open_gguf_source(write(model, folder), device());
  EXPECT_EQ(source->tensors().size(), 3u) << "constants are left out";
  const std::vector<float> q = rows_of(*source, "blk.0.attn_q.weight");
  std::vector<float> first_of_row;
  for (size_t r = 0; r < 8; ++r) first_of_row.push_back(q[4 * r] / 4);
  EXPECT_EQ(first_of_row, (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(rows_of(*source, "blk.0.attn_k.bias"), (std::vector<float>{2000, 2002, 2001, 2003}));
}

TEST(GgufSource, DeepSeeksKvBIsCutInTwo) {
  const TemporaryFolder folder;
  Model model = deepseek();
  const auto source = open_gguf_source(write(model, folder), device());
  // Head 1 begins at row 3 of kv_b: two rows of W_UK, one of W_UV, three columns each.
  EXPECT_EQ(rows_of(*source, "blk.0.attn_k_b.weight", 1), (std::vector<float>{9, 12, 10, 13, 11, 14}));
  EXPECT_EQ(rows_of(*source, "blk.0.attn_v_b.weight", 1), (std::vector<float>{15, 16, 17}));
  EXPECT_EQ(source->tensors()[0].shape, (Shape{2, 3, 2}));
}

TEST(GgufSource, ExpertsAreStackedAndDraftLayersOptional) {
  const TemporaryFolder folder;
  Model model = deepseek();
  const auto source = open_gguf_source(write(model, folder), device());
  EXPECT_EQ(rows_of(*source, "blk.0.ffn_up_exps.weight", 0)[0], 2000);
  EXPECT_EQ(rows_of(*source, "blk.0.ffn_up_exps.weight", 1)[0], 1000);
  EXPECT_FALSE(rows_of(*source, "blk.1.nextn.eh_proj.weight").empty());
  EXPECT_EQ(source->model().layers, 2);
  const auto without = open_gguf_source(write(model, folder), device(), {false, ""});
  EXPECT_TRUE(rows_of(*without, "blk.1.nextn.eh_proj.weight").empty());
  EXPECT_EQ(without->model().layers, 1);
}

TEST(GgufSource, MetadataReadBackAsTheConfig) {
  const TemporaryFolder folder;
  Model model = deepseek();
  model.config["rope_scaling"] = {{"type", "yarn"},
                                  {"factor", 40},
                                  {"original_max_position_embeddings", 4096},
                                  {"mscale", 0.707},
                                  {"mscale_all_dim", 0.707}};
  model.config["q_lora_rank"] = 7;
  GgufWriter writer;
  open_gguf_source(write(model, folder), device())->add_metadata(writer, {});
  auto owner = std::make_shared<std::string>(writer.bytes());
  const Gguf file = Gguf::parse(std::as_bytes(std::span(*owner)), "x.gguf", owner);
  const auto integer = [&](const char* key) { return file.integer(std::string("deepseek2.") + key, 0, 1 << 20); };
  EXPECT_EQ(file.string("general.architecture"), "deepseek2");
  EXPECT_EQ(integer("block_count"), 2);
  EXPECT_EQ(integer("nextn_predict_layers"), 1);
  EXPECT_EQ(integer("attention.head_count_kv"), 1);
  EXPECT_EQ(integer("attention.key_length"), 5);
  EXPECT_EQ(integer("attention.key_length_mla"), 4);
  EXPECT_EQ(integer("attention.q_lora_rank"), 7);
  EXPECT_EQ(integer("expert_gating_func"), 2);
  EXPECT_NEAR(file.number("deepseek2.rope.scaling.yarn_log_multiplier"), 0.0707, 1e-7);
}

TEST(GgufSource, SaysWhatCannotBeWritten) {
  const auto error = [](Model model, const std::function<void(Model&)>& change) {
    change(model);
    const TemporaryFolder folder;
    const std::string message = error_of([&] {
      GgufWriter writer;
      open_gguf_source(write(model, folder), device())->add_metadata(writer, {});
    });
    return message.substr(message.find("config.json") + 13);
  };
  EXPECT_EQ(error(llama(),
                  [](Model& m) {
                    m.tensors.push_back({"model.layers.0.surprise.weight", {2}});
                  }),
            "tensor 'model.layers.0.surprise.weight' has no place in a GGUF file");
  EXPECT_EQ(error(deepseek(), [](Model& m) { m.tensors.erase(m.tensors.begin() + 1); }),
            "expert 1 of blk.0.ffn_up_exps.weight is missing");
  EXPECT_EQ(error(deepseek(),
                  [](Model& m) {
                    m.tensors[0].second = {5, 3};
                  }),
            "tensor 'model.layers.0.self_attn.kv_b_proj.weight': expected 6 rows, found [5, 3]");
  EXPECT_EQ(error(deepseek(),
                  [](Model& m) {
                    m.tensors[1].second = {5, 3};
                  }),
            "tensor 'model.layers.0.mlp.experts.1.up_proj.weight': expected [5, 4] as its neighbours, found [5, 3]");
  EXPECT_EQ(error(deepseek(),
                  [](Model& m) {
                    m.tensors[1].second = {5, 4, 1};
                  }),
            "tensor 'model.layers.0.mlp.experts.1.up_proj.weight': expected a vector or a matrix, found 5 x 4 x 1");
  EXPECT_EQ(error(llama(), [](Model& m) { m.config["model_type"] = "mamba"; }),
            "model_type 'mamba' cannot be written as GGUF; expected one of llama, qwen2, qwen3, qwen3_moe, "
            "deepseek_v2, deepseek_v3, deepseek_v32");
  EXPECT_EQ(error(deepseek(), [](Model& m) { m.config["moe_layer_freq"] = 2; }),
            "field 'moe_layer_freq': GGUF files mean 1");
}

TEST(GgufSource, Llama3sScalingBecomesFactors) {
  const TemporaryFolder folder;
  Model model = llama();
  model.config["rope_scaling"] = {{"rope_type", "llama3"},
                                  {"factor", 8.0},
                                  {"low_freq_factor", 1.0},
                                  {"high_freq_factor", 4.0},
                                  {"original_max_position_embeddings", 64}};
  const std::vector<float> factors = rows_of(*open_gguf_source(write(model, folder), device()), "rope_freqs.weight");
  EXPECT_EQ(factors, (std::vector<float>{1, 8})) << "wavelengths 6.3 and 628";
}

}  // namespace
}  // namespace dure

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "backend/registry.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/gguf_writer.h"
#include "toolbox/sequence_run.h"

// The fixtures written as GGUF in the way of llama.cpp's converter (conversion/llama.py, qwen.py, deepseek.py): what a
// model file means must not depend on its format.
namespace dure {
namespace {

struct Hf {
  std::unique_ptr<Device> device;
  std::unique_ptr<Checkpoint> checkpoint;
  Json config, golden;
};

Hf open_fixture(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(DURE_TESTS_DIR "/fixtures/models") / name;
  Hf hf;
  hf.device = make_device();
  hf.checkpoint = open_checkpoint(folder, *hf.device);
  hf.config = hf.checkpoint->config();
  hf.golden = parse_json(read_file(folder / "golden.json"), "golden.json");
  return hf;
}

/// Writes one fixture; matrices whose rows are whole blocks of `dtype` in that dtype, everything else in F32.
class Converter {
 public:
  Converter(const Hf& hf, DType dtype) : hf_(hf), dtype_(dtype) {}

  std::filesystem::path write() {
    const std::string type = hf_.config.at("model_type");
    arch_ = type == "qwen3_moe" ? "qwen3moe" : type.starts_with("deepseek") ? "deepseek2" : type;
    writer_.add("general.architecture", arch_);
    common();
    if (arch_ == "deepseek2") {
      deepseek();
    } else {
      gqa();
    }
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("dure-{}-{}.gguf", ::getpid(), counter_++);
    writer_.write(path);
    return path;
  }

 private:
  uint32_t field(const char* name) const { return hf_.config.at(name).get<uint32_t>(); }
  void key(const char* name, uint32_t value) { writer_.add(fmt::format("{}.{}", arch_, name), value); }
  void key(const char* name, float value) { writer_.add(fmt::format("{}.{}", arch_, name), value); }
  uint32_t layers() const { return field("num_hidden_layers") + mtp_layers(); }
  uint32_t mtp_layers() const { return hf_.config.value("num_nextn_predict_layers", 0); }

  /// As float32; FP8 is dequantised, which is exact.
  Tensor values(const std::string& name) const {
    const StoredTensor t = hf_.checkpoint->get(name);
    std::vector<float> v = t.data.to_floats();
    if (t.scale.defined())
      for (size_t i = 0; i < v.size(); ++i) {
        const size_t n = i / t.data.dim(1), k = i % t.data.dim(1);
        v[i] *= t.scale.data()[n / 128 * t.scale.dim(1) + k / 128];
      }
    return Tensor::from(*hf_.device, v, t.data.shape());
  }

  void put(const std::string& gguf, const Tensor& t, bool keep_f32 = false) {
    const bool fits = t.shape().rank() >= 2 && t.dim(-1) % info(dtype_).block == 0;
    if (!fits || keep_f32) return writer_.add_tensor(gguf, t);
    Tensor q = Tensor::empty(*hf_.device, dtype_, t.shape());
    info(dtype_).quantise(t.data().data(), nullptr, q.view().data, t.numel());
    writer_.add_tensor(gguf, q);
  }
  void copy(const std::string& hf, const std::string& gguf) {
    if (hf_.checkpoint->find(hf)) put(gguf, values(hf), gguf.find("ffn_gate_inp") != std::string::npos);
  }

  void common() {
    key("block_count", layers());
    key("embedding_length", field("hidden_size"));
    key("feed_forward_length", field("intermediate_size"));
    key("context_length", field("max_position_embeddings"));
    key("attention.head_count", field("num_attention_heads"));
    key("attention.layer_norm_rms_epsilon", hf_.config.at("rms_norm_eps").get<float>());
    key("rope.freq_base", hf_.config.at("rope_theta").get<float>());
    if (hf_.config.contains("rope_scaling") && hf_.config["rope_scaling"].is_object()) scaling();
    copy("model.embed_tokens.weight", "token_embd.weight");
    copy("model.norm.weight", "output_norm.weight");
    if (!hf_.config.value("tie_word_embeddings", false)) copy("lm_head.weight", "output.weight");
    for (uint32_t i = 0; i < layers(); ++i)
      for (const auto& [from, to] : {std::pair{"input_layernorm", "attn_norm"},
                                     {"post_attention_layernorm", "ffn_norm"},
                                     {"self_attn.o_proj", "attn_output"},
                                     {"mlp.gate_proj", "ffn_gate"},
                                     {"mlp.up_proj", "ffn_up"},
                                     {"mlp.down_proj", "ffn_down"},
                                     {"mlp.gate", "ffn_gate_inp"}})
        copy(fmt::format("model.layers.{}.{}.weight", i, from), fmt::format("blk.{}.{}.weight", i, to));
  }

  void scaling() {
    const Json& s = hf_.config["rope_scaling"];
    const float factor = s.at("factor").get<float>();
    const uint32_t original = s.at("original_max_position_embeddings").get<uint32_t>();
    if (s.value("rope_type", s.value("type", "")) == "llama3") {
      // Llama 3's scaling is written as one divisor for each frequency.
      const int head_dim = static_cast<int>(field("hidden_size") / field("num_attention_heads"));
      const float low = s["low_freq_factor"], high = s["high_freq_factor"];
      std::vector<float> factors;
      for (int i = 0; i < head_dim; i += 2) {
        const double wavelength = 2 * M_PI * std::pow(hf_.config["rope_theta"].get<double>(), double(i) / head_dim);
        const double smooth = (original / wavelength - low) / (high - low);
        factors.push_back(wavelength < original / high  ? 1
                          : wavelength > original / low ? factor
                                                        : static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
      }
      return writer_.add_tensor("rope_freqs.weight", Tensor::from(*hf_.device, factors, {head_dim / 2}));
    }
    writer_.add(arch_ + ".rope.scaling.type", "yarn");
    key("rope.scaling.factor", factor);
    key("rope.scaling.original_context_length", original);
    if (s.contains("mscale_all_dim")) key("rope.scaling.yarn_log_multiplier", 0.1f * s["mscale_all_dim"].get<float>());
  }

  /// llama.cpp rotates neighbouring pairs in Llama, so its converter reorders the rows of q and k.
  Tensor permuted(const Tensor& t, uint32_t heads) const {
    const int64_t head_dim = t.dim(0) / heads, half = head_dim / 2, K = t.dim(1);
    Tensor out = Tensor::like(t);
    for (int64_t r = 0; r < t.dim(0); ++r) {
      const int64_t h = r / head_dim, i = r % head_dim;
      const int64_t from = h * head_dim + (i % 2) * half + i / 2;
      std::copy_n(t.data().begin() + from * K, K, out.data().begin() + r * K);
    }
    return out;
  }

  void experts(uint32_t layer, uint32_t count) {
    for (const char* part : {"gate", "up", "down"}) {
      std::vector<float> all;
      Shape shape;
      for (uint32_t e = 0; e < count; ++e) {
        const std::string name = fmt::format("model.layers.{}.mlp.experts.{}.{}_proj.weight", layer, e, part);
        if (!hf_.checkpoint->find(name)) return;
        const Tensor t = values(name);
        shape = {count, t.dim(0), t.dim(1)};
        all.insert(all.end(), t.data().begin(), t.data().end());
      }
      put(fmt::format("blk.{}.ffn_{}_exps.weight", layer, part), Tensor::from(*hf_.device, all, shape));
    }
  }

  void gqa() {
    const uint32_t heads = field("num_attention_heads"), kv_heads = field("num_key_value_heads");
    const uint32_t head_dim = hf_.config.value("head_dim", field("hidden_size") / heads);
    key("attention.head_count_kv", kv_heads);
    key("attention.key_length", head_dim);
    key("attention.value_length", head_dim);
    if (arch_ == "qwen3moe") {
      key("expert_count", field("num_experts"));
      key("expert_used_count", field("num_experts_per_tok"));
      key("expert_feed_forward_length", field("moe_intermediate_size"));
    }
    for (uint32_t i = 0; i < layers(); ++i) {
      for (const char* p : {"q", "k", "v"}) {
        const std::string from = fmt::format("model.layers.{}.self_attn.{}_proj", i, p);
        const std::string to = fmt::format("blk.{}.attn_{}", i, p);
        const bool turn = arch_ == "llama" && *p != 'v';
        const Tensor w = values(from + ".weight");
        put(to + ".weight", turn ? permuted(w, *p == 'q' ? heads : kv_heads) : w);
        copy(from + ".bias", to + ".bias");
        copy(fmt::format("model.layers.{}.self_attn.{}_norm.weight", i, p), to + "_norm.weight");
      }
      if (arch_ == "qwen3moe") experts(i, field("num_experts"));
    }
  }

  void deepseek() {
    const uint32_t H = field("num_attention_heads"), nope = field("qk_nope_head_dim");
    const uint32_t rope = field("qk_rope_head_dim"), v = field("v_head_dim"), rank = field("kv_lora_rank");
    const bool sigmoid = hf_.config.at("scoring_func") == "sigmoid";
    key("rope.dimension_count", rope);
    key("attention.kv_lora_rank", rank);
    key("attention.key_length", rank + rope);
    key("attention.value_length", rank);
    key("attention.key_length_mla", nope + rope);
    key("attention.value_length_mla", v);
    key("leading_dense_block_count", field("first_k_dense_replace"));
    key("expert_count", field("n_routed_experts"));
    key("expert_used_count", field("num_experts_per_tok"));
    key("expert_shared_count", field("n_shared_experts"));
    key("expert_feed_forward_length", field("moe_intermediate_size"));
    key("expert_weights_scale", hf_.config.at("routed_scaling_factor").get<float>());
    writer_.add(arch_ + ".expert_weights_norm", hf_.config.at("norm_topk_prob").get<bool>());
    key("expert_gating_func", uint32_t{sigmoid ? 2u : 1u});
    key("expert_group_count", field("n_group"));
    key("expert_group_used_count", field("topk_group"));
    if (mtp_layers() > 0) key("nextn_predict_layers", mtp_layers());
    if (!hf_.config["q_lora_rank"].is_null()) key("attention.q_lora_rank", field("q_lora_rank"));

    for (uint32_t i = 0; i < layers(); ++i) {
      const std::string hf = fmt::format("model.layers.{}.", i), blk = fmt::format("blk.{}.", i);
      for (const auto& [from, to] : {std::pair{"self_attn.q_proj.weight", "attn_q.weight"},
                                     {"self_attn.q_a_proj.weight", "attn_q_a.weight"},
                                     {"self_attn.q_a_layernorm.weight", "attn_q_a_norm.weight"},
                                     {"self_attn.q_b_proj.weight", "attn_q_b.weight"},
                                     {"self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight"},
                                     {"self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight"},
                                     {"mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"},
                                     {"mlp.shared_experts.up_proj.weight", "ffn_up_shexp.weight"},
                                     {"mlp.shared_experts.down_proj.weight", "ffn_down_shexp.weight"},
                                     {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
                                     {"eh_proj.weight", "nextn.eh_proj.weight"},
                                     {"enorm.weight", "nextn.enorm.weight"},
                                     {"hnorm.weight", "nextn.hnorm.weight"},
                                     {"embed_tokens.weight", "nextn.embed_tokens.weight"},
                                     {"shared_head.head.weight", "nextn.shared_head_head.weight"},
                                     {"shared_head.norm.weight", "nextn.shared_head_norm.weight"}})
        copy(hf + from, blk + to);
      const Tensor kv_b = values(hf + "self_attn.kv_b_proj.weight");  // [H * (nope + v), rank]
      Tensor k_b = Tensor::zeros(*hf_.device, DType::F32, {H, rank, nope});
      Tensor v_b = Tensor::zeros(*hf_.device, DType::F32, {H, v, rank});
      for (uint32_t h = 0; h < H; ++h)
        for (uint32_t r = 0; r < nope + v; ++r)
          for (uint32_t l = 0; l < rank; ++l) {
            const float w = kv_b.data()[(h * (nope + v) + r) * rank + l];
            (r < nope ? k_b.data()[(h * rank + l) * nope + r] : v_b.data()[(h * v + r - nope) * rank + l]) = w;
          }
      put(blk + "attn_k_b.weight", k_b);
      put(blk + "attn_v_b.weight", v_b);
      experts(i, field("n_routed_experts"));
    }
  }

  const Hf& hf_;
  DType dtype_;
  GgufWriter writer_;
  std::string arch_;
  inline static int counter_ = 0;
};

struct Loaded {
  std::unique_ptr<Device> device;
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Model> model;
};

Loaded load(const std::filesystem::path& path, const std::string& backend) {
  Loaded l;
  DeviceOptions options;
  options.backend = backend;
  l.device = make_device(options);
  l.checkpoint = open_checkpoint(path, *l.device);
  l.model = load_model(*l.checkpoint, *l.device);
  return l;
}

/// Logits at the end of each golden sequence, MTP's after them where the model drafts.
std::vector<std::vector<float>> last_logits(Loaded& l, const Json& golden) {
  std::vector<std::vector<float>> all;
  const Json& sequences = golden.at("sequences");
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto ids = sequences[i].at("input_ids").get<std::vector<int>>();
    SequenceRun run(*l.model, *l.device, 1, static_cast<int>(ids.size()), DType::F32);
    Batch next;
    const Tensor hidden = run.feed({ids}, nullptr, &next);  // [T, D]
    all.push_back(l.model->logits(hidden.rows(hidden.dim(0) - 1, 1)).to_floats());
    if (!golden.contains("mtp") || !l.model->can_draft()) continue;
    next.tokens = golden["mtp"]["sequences"][i].at("mtp_input_ids").get<std::vector<int>>();
    const Tensor drafts = l.model->draft(hidden, next);
    all.push_back(drafts.rows(drafts.dim(0) - 1, 1).to_floats());
  }
  return all;
}

class GgufGolden : public testing::TestWithParam<const char*> {};

}  // namespace

TEST_P(GgufGolden, GivesTheReferenceLogits) {
  const Hf hf = open_fixture(GetParam());
  const std::filesystem::path path = Converter(hf, DType::F32).write();
  Loaded l = load(path, "auto");
  const double tolerance = hf.golden["tolerance"]["f32_engine_max_abs_logit"];
  const bool mtp = hf.golden.contains("mtp");
  EXPECT_EQ(l.model->can_draft(), mtp);
  const auto logits = last_logits(l, hf.golden);
  for (size_t i = 0; i < hf.golden["sequences"].size(); ++i) {
    const Json& expected = hf.golden["sequences"][i]["last_logits"];
    const std::vector<float>& got = logits[mtp ? 2 * i : i];
    for (size_t v = 0; v < got.size(); ++v) ASSERT_NEAR(got[v], expected[v].get<float>(), tolerance) << i << " " << v;
    if (!mtp) continue;
    const Json& drafted = hf.golden["mtp"]["sequences"][i]["last_logits"];
    for (size_t v = 0; v < got.size(); ++v)
      ASSERT_NEAR(logits[2 * i + 1][v], drafted[v].get<float>(), tolerance) << "MTP " << i << " " << v;
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Models, GgufGolden,
                         testing::Values("llama2-tiny", "llama3-tiny", "qwen2-tied", "qwen2-untied-distill",
                                         "qwen3-tied", "qwen3-untied-yarn", "qwen3moe-tiny", "ds2lite-tiny",
                                         "ds2lite-odd-bf16", "ds2-grouped", "ds3-tiny", "ds3-odd-bf16", "ds3-sharded",
                                         "ds3-noqlora-ungrouped", "ds3-fp8"),
                         [](const auto& i) {
                           std::string name = i.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// Quantised weights through the whole model: every backend multiplies the same stored values.
TEST(GgufGolden, QuantisedWeightsMeanTheSameOnEveryBackend) {
  for (const DType dtype :
       {DType::Q8_0, DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::IQ4_NL, DType::BF16, DType::F16}) {
    const Hf hf = open_fixture("ds3-tiny");
    const std::filesystem::path path = Converter(hf, dtype).write();
    Loaded oracle = load(path, "reference");
    const auto expected = last_logits(oracle, hf.golden);
    for (const std::string& backend : backends()) {
      Loaded l = load(path, backend);
      const auto got = last_logits(l, hf.golden);
      for (size_t i = 0; i < got.size(); ++i)
        for (size_t v = 0; v < got[i].size(); ++v)
          ASSERT_NEAR(got[i][v], expected[i][v], 1e-3) << name(dtype) << " " << backend << " " << i;
    }
    std::filesystem::remove(path);
  }
}

}  // namespace dure

#include "formats/gguf_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr int64_t kMax = 1 << 30, kMaxLayers = 4096, kMaxExperts = 1 << 16;

enum GatingFunction { kGatingNone = 0, kGatingSoftmax = 1, kGatingSigmoid = 2 };

double decimal(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Metadata under the architecture's name, and the config they are written to.
class Builder {
 public:
  Builder(const Gguf& file, const FindTensor& find, std::string_view arch) : file_(file), find_(find), arch_(arch) {}

  Json config = Json::object();

  bool has(std::string_view key) const { return file_.has(full(key)); }
  bool has_tensor(std::string_view name) const { return find_(name) != nullptr; }
  int64_t integer(std::string_view key, int64_t min, int64_t max) const { return file_.integer(full(key), min, max); }
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t min, int64_t max) const {
    return file_.integer_or(full(key), fallback, min, max);
  }
  /// Floats are stored in 32 bits: the shortest decimal that is stored so is the number that was meant, 1e-6 and not
  /// 9.99999997e-07.
  double number(std::string_view key) const {
    return decimal(fmt::format("{}", static_cast<float>(file_.number(full(key)))));
  }
  std::string_view string_or(std::string_view key, std::string_view fallback) const {
    return file_.string_or(full(key), fallback);
  }
  bool boolean_or(std::string_view key, bool fallback) const { return file_.boolean_or(full(key), fallback); }

  const std::string& source() const { return file_.source(); }
  std::string full(std::string_view key) const { return fmt::format("{}.{}", arch_, key); }
  int64_t layers() const { return config.at("num_hidden_layers").get<int64_t>(); }

 private:
  const Gguf& file_;
  const FindTensor& find_;
  std::string arch_;
};

void add_rope(Builder& b) {
  b.config["rope_theta"] = b.has("rope.freq_base") ? b.number("rope.freq_base") : 10000.;
  const std::string_view type = b.string_or("rope.scaling.type", "linear");
  const double factor = b.has("rope.scaling.factor") ? b.number("rope.scaling.factor")
                        : b.has("rope.scale_linear") ? b.number("rope.scale_linear")
                                                     : 1;
  if (type == "none" || factor == 1 || factor == 0) return;
  require(type == "linear" || type == "yarn", "{}: metadata '{}': expected none, linear or yarn, found {}", b.source(),
          b.full("rope.scaling.type"), quote(type));
  Json scaling = {{"rope_type", type}, {"factor", factor}};
  if (b.has("rope.scaling.original_context_length"))
    scaling["original_max_position_embeddings"] = b.integer("rope.scaling.original_context_length", 1, kMax);
  constexpr std::pair<const char*, const char*> kYarn[] = {{"beta_fast", "rope.scaling.yarn_beta_fast"},
                                                           {"beta_slow", "rope.scaling.yarn_beta_slow"}};
  for (const auto& [field, key] : kYarn)
    if (b.has(key)) scaling[field] = b.number(key);
  if (b.has("rope.scaling.yarn_log_multiplier")) {
    // Stored as 0.1 * mscale_all_dim. Only models whose mscale is the same can be stored at all.
    const double scaled = b.number("rope.scaling.yarn_log_multiplier") * 10;
    scaling["mscale"] = scaling["mscale_all_dim"] = decimal(fmt::format("{:.6g}", scaled));
  } else if (type == "yarn" && b.has("rope.scaling.yarn_attn_factor")) {
    // ggml multiplies it by the factor of YaRN's formula, Hugging Face puts attention_factor in the formula's place.
    scaling["attention_factor"] = b.number("rope.scaling.yarn_attn_factor") * (1 + 0.1 * std::log(factor));
  }
  b.config["rope_scaling"] = std::move(scaling);
}

/// What every architecture here has.
void add_common(Builder& b, const Gguf::TensorEntry* embedding) {
  require(embedding != nullptr && embedding->shape.rank() == 2, "{}: tensor 'token_embd.weight': expected a matrix",
          b.source());
  const int64_t drafts = b.integer_or("nextn_predict_layers", 0, 0, 64);
  const int64_t blocks = b.integer("block_count", 1 + drafts, kMaxLayers);  // the MTP layers are the last blocks
  b.config["vocab_size"] = embedding->shape[0];  // the metadata may count tokens without the padding
  b.config["hidden_size"] = b.integer("embedding_length", 1, kMax);
  b.config["num_hidden_layers"] = blocks - drafts;
  if (drafts > 0) b.config["num_nextn_predict_layers"] = drafts;
  b.config["num_attention_heads"] = b.integer("attention.head_count", 1, kMax);
  b.config["max_position_embeddings"] = b.integer_or("context_length", 2048, 1, kMax);
  if (b.has("feed_forward_length")) b.config["intermediate_size"] = b.integer("feed_forward_length", 0, kMax);
  b.config["rms_norm_eps"] = b.number("attention.layer_norm_rms_epsilon");
  b.config["hidden_act"] = "silu";
  b.config["tie_word_embeddings"] = !b.has_tensor("output.weight");
  add_rope(b);
}

/// Grouped-query attention: Llama, Qwen2, Qwen3.
void add_gqa(Builder& b) {
  const int64_t heads = b.config.at("num_attention_heads").get<int64_t>();
  const int64_t hidden = b.config.at("hidden_size").get<int64_t>();
  b.config["num_key_value_heads"] = b.integer_or("attention.head_count_kv", heads, 1, kMax);
  const int64_t head_dim = b.integer_or("attention.key_length", std::max<int64_t>(hidden / heads, 1), 1, kMax);
  b.config["head_dim"] = head_dim;
  for (const char* key : {"attention.value_length", "rope.dimension_count"})
    require(b.integer_or(key, head_dim, 0, kMax) == head_dim, "{}: metadata '{}': expected {}, the size of a head",
            b.source(), b.full(key), head_dim);
}

void add_llama(Builder& b) {
  add_gqa(b);
  b.config["rope_interleaved"] = true;  // rows of q and k are stored in the order of neighbouring pairs
  if (b.integer_or("expert_count", 0, 0, kMaxExperts) > 0) b.config["model_type"] = "mixtral";
}

void add_qwen3_moe(Builder& b) {
  add_gqa(b);
  const int64_t experts = b.integer("expert_count", 1, kMaxExperts);
  b.config["num_experts"] = experts;
  b.config["num_experts_per_tok"] = b.integer("expert_used_count", 1, experts);
  b.config["moe_intermediate_size"] = b.integer("expert_feed_forward_length", 1, kMax);
  b.config["norm_topk_prob"] = true;  // not stored; every published model has it
  Json dense = Json::array();
  for (int64_t i = 0; i < b.layers(); ++i)
    if (!b.has_tensor(fmt::format("blk.{}.ffn_gate_inp.weight", i))) dense.push_back(i);
  b.config["mlp_only_layers"] = std::move(dense);
}

/// How the experts are chosen. Files from before the group keys existed say nothing of groups; the two models that have
/// them are known by their number of experts.
void add_deepseek_routing(Builder& b, int64_t experts) {
  const int64_t gating = b.integer_or("expert_gating_func", kGatingNone, 0, 255);
  require(gating <= kGatingSigmoid, "{}: metadata '{}': expected 1 (softmax) or 2 (sigmoid), found {}", b.source(),
          b.full("expert_gating_func"), gating);
  const bool sigmoid = gating == kGatingSigmoid;
  const bool v2 = !sigmoid && experts == 160, v3 = sigmoid && experts == 256;
  const int64_t groups = b.integer_or("expert_group_count", v2 || v3 ? 8 : 1, 0, experts);
  const int64_t kept = b.integer_or("expert_group_used_count", v2 ? 3 : v3 ? 4 : 1, 0, std::max<int64_t>(groups, 1));
  const bool bias =
      b.has_tensor(fmt::format("blk.{}.exp_probs_b.bias", b.config.at("first_k_dense_replace").get<int64_t>()));

  b.config["model_type"] = sigmoid ? "deepseek_v3" : "deepseek_v2";
  b.config["scoring_func"] = sigmoid ? "sigmoid" : "softmax";
  b.config["topk_method"] = bias ? "noaux_tc" : groups > 1 ? "group_limited_greedy" : "greedy";
  b.config["n_group"] = std::max<int64_t>(groups, 1);
  b.config["topk_group"] = std::max<int64_t>(kept, 1);
  b.config["norm_topk_prob"] = b.boolean_or("expert_weights_norm", false);
  // Zero stands for "no scaling" in files of the first converters.
  const double scale = b.has("expert_weights_scale") ? b.number("expert_weights_scale") : 1;
  b.config["routed_scaling_factor"] = scale == 0 ? 1 : scale;
}

/// Multi-head latent attention and DeepSeekMoE: V2, V2-Lite, V3 and their relatives.
void add_deepseek(Builder& b) {
  const int64_t rope = b.integer("rope.dimension_count", 2, kMax);
  // Since 2025 the sizes of a head are the _mla ones, and key_length is that of the absorbed form.
  const bool split = b.has("attention.key_length_mla");
  const int64_t key = b.integer(split ? "attention.key_length_mla" : "attention.key_length", rope + 1, kMax);
  b.config["num_key_value_heads"] = b.config.at("num_attention_heads");
  if (b.has_tensor("blk.0.attn_q_a.weight")) b.config["q_lora_rank"] = b.integer("attention.q_lora_rank", 1, kMax);
  b.config["kv_lora_rank"] = b.integer("attention.kv_lora_rank", 1, kMax);
  b.config["qk_nope_head_dim"] = key - rope;
  b.config["qk_rope_head_dim"] = rope;
  b.config["v_head_dim"] = b.integer(split ? "attention.value_length_mla" : "attention.value_length", 1, kMax);

  const int64_t experts = b.integer("expert_count", 1, kMaxExperts);
  b.config["n_routed_experts"] = experts;
  b.config["num_experts_per_tok"] = b.integer("expert_used_count", 1, experts);
  b.config["n_shared_experts"] = b.integer_or("expert_shared_count", 0, 0, 4096);
  b.config["moe_intermediate_size"] = b.integer("expert_feed_forward_length", 1, kMax);
  b.config["first_k_dense_replace"] = b.integer_or("leading_dense_block_count", 0, 0, b.layers());
  b.config["moe_layer_freq"] = 1;
  add_deepseek_routing(b, experts);
}

/// V3.2: the same, and the indexer.
void add_deepseek32(Builder& b) {
  add_deepseek(b);
  b.config["model_type"] = "deepseek_v32";
  b.config["index_n_heads"] = b.integer("attention.indexer.head_count", 1, kMax);
  b.config["index_head_dim"] = b.integer("attention.indexer.key_length", 1, kMax);
  b.config["index_topk"] = b.integer("attention.indexer.top_k", 1, kMax);
}

struct Architecture {
  std::string_view arch, model_type;
  void (*add)(Builder&);
};
constexpr Architecture kArchitectures[] = {
    {"llama", "llama", add_llama},
    {"qwen2", "qwen2", add_gqa},
    {"qwen3", "qwen3", add_gqa},
    {"qwen3moe", "qwen3_moe", add_qwen3_moe},
    {"deepseek2", "deepseek_v3", add_deepseek},  // or deepseek_v2: the routing decides
    {"deepseek32", "deepseek_v32", add_deepseek32},
};

}  // namespace

Json gguf_config(const Gguf& file, const FindTensor& find) {
  const std::string_view arch = file.string("general.architecture");
  Builder builder(file, find, arch);
  builder.config["model_type"] = arch;
  for (const Architecture& known : kArchitectures) {
    if (known.arch != arch) continue;
    builder.config["model_type"] = known.model_type;
    add_common(builder, find("token_embd.weight"));
    known.add(builder);
  }
  return std::move(builder.config);
}

GenerationConfig gguf_generation_config(const Gguf& file) {
  constexpr int64_t kMaxToken = 1 << 30;  // files mean "none" by 2^32 - 1
  const auto token = [&](const char* key) -> std::optional<int64_t> {
    const int64_t id = file.integer_or(fmt::format("tokenizer.ggml.{}_token_id", key), -1, -1, UINT32_MAX);
    return id >= 0 && id <= kMaxToken ? std::optional(id) : std::nullopt;
  };
  Json json = Json::object();
  if (const auto bos = token("bos")) json["bos_token_id"] = *bos;
  Json ends = Json::array();
  for (const char* key : {"eos", "eot", "eom"})  // end of text, of turn, of message before a tool's answer
    if (const auto id = token(key); id && std::find(ends.begin(), ends.end(), *id) == ends.end()) ends.push_back(*id);
  json["eos_token_id"] = std::move(ends);

  constexpr std::pair<const char*, const char*> kNumbers[] = {
      {"temperature", "temp"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"repetition_penalty", "penalty_repeat"}};
  for (const auto& [field, key] : kNumbers)
    if (const std::string full = fmt::format("general.sampling.{}", key); file.has(full))
      json[field] = decimal(fmt::format("{}", static_cast<float>(file.number(full))));
  if (file.has("general.sampling.top_k")) json["top_k"] = file.integer("general.sampling.top_k", -1, kMaxToken);
  return parse_generation_config(json, file.source());
}

}  // namespace dure

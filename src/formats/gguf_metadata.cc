#include "formats/gguf_metadata.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr int kMax = 1 << 30, kMaxLayers = 4096, kMaxExperts = 1 << 16;

/// Fields of a config, written under the architecture's name.
class Writer {
 public:
  Writer(GgufHead& head, const Fields& config, std::string_view arch) : config(config), head_(head), arch_(arch) {}

  template <class T>
  void add(std::string_view key, T value) {
    head_.add(fmt::format("{}.{}", arch_, key), value);
  }
  void count(std::string_view key, std::string_view field, int least = 1) {
    add(key, static_cast<uint32_t>(config.integer(field, least, kMax)));
  }
  void count_or(std::string_view key, std::string_view field, int fallback) {
    add(key, static_cast<uint32_t>(config.integer_or(field, fallback, 0, kMax)));
  }
  void number_or(std::string_view key, std::string_view field, double fallback) {
    add(key, static_cast<float>(config.number_or(field, fallback)));
  }

  const Fields& config;

 private:
  GgufHead& head_;
  std::string_view arch_;
};

int head_dim(const Fields& config) {
  const int heads = config.integer("num_attention_heads", 1, kMax);
  return config.integer_or("head_dim", std::max(config.integer("hidden_size", 1, kMax) / heads, 1), 1, kMax);
}

int drafts(const Fields& config, bool mtp) { return mtp ? config.integer_or("num_nextn_predict_layers", 0, 0, 64) : 0; }

/// rope_scaling, or rope_parameters since transformers 5; null if there is none.
const Json* rope_scaling(const Fields& config) {
  const Json* found = config.find("rope_parameters");
  return found != nullptr ? found : config.find("rope_scaling");
}

std::string scaling_type(const Fields& scaling) {
  return scaling.string_or("rope_type", scaling.string_or("type", "default"));
}

double rope_theta(const Fields& config) {
  double theta = config.number_or("rope_theta", 10000);
  if (const Json* found = rope_scaling(config)) theta = Fields(*found, config.source()).number_or("rope_theta", theta);
  require(theta > 1, "{}: field 'rope_theta': expected more than 1, found {}", config.source(), theta);
  return theta;
}

int original_context(const Fields& config, const Fields& scaling) {
  constexpr const char* kField = "original_max_position_embeddings";
  return scaling.has(kField) ? scaling.integer(kField, 1, kMax) : config.integer("max_position_embeddings", 1, kMax);
}

void add_yarn(Writer& w, const Fields& scaling) {
  const double factor = scaling.number("factor");
  w.add("rope.scaling.original_context_length", static_cast<uint32_t>(original_context(w.config, scaling)));
  constexpr std::pair<const char*, const char*> kBetas[] = {{"beta_fast", "rope.scaling.yarn_beta_fast"},
                                                            {"beta_slow", "rope.scaling.yarn_beta_slow"}};
  for (const auto& [field, key] : kBetas)
    if (scaling.has(field)) w.add(key, static_cast<float>(scaling.number(field)));
  if (scaling.has("attention_factor")) {
    // ggml multiplies what Hugging Face replaces: the factor of YaRN's formula.
    w.add("rope.scaling.yarn_attn_factor",
          static_cast<float>(scaling.number("attention_factor") / (1 + 0.1 * std::log(factor))));
  } else if (const double all = scaling.number_or("mscale_all_dim", 0); all > 0) {
    const double mscale = scaling.number_or("mscale", 0);
    require(mscale == all, "{}: rope_scaling: mscale {} and mscale_all_dim {}: GGUF has one number for both",
            w.config.source(), mscale, all);
    w.add("rope.scaling.yarn_log_multiplier", static_cast<float>(0.1 * all));
  }
}

void add_rope(Writer& w) {
  w.add("rope.freq_base", static_cast<float>(rope_theta(w.config)));
  const Json* found = rope_scaling(w.config);
  if (found == nullptr) return;
  const Fields scaling(*found, w.config.source());
  const std::string type = scaling_type(scaling);
  if (type == "default" || type == "llama3") return;  // of the latter the file has the factors themselves
  require(type == "linear" || type == "yarn", "{}: rope_scaling type {}: expected linear, llama3 or yarn",
          w.config.source(), quote(type));
  w.add("rope.scaling.type", type.c_str());
  w.add("rope.scaling.factor", static_cast<float>(scaling.number("factor")));
  if (type == "yarn") add_yarn(w, scaling);
}

/// Grouped-query attention: Llama, Qwen2, Qwen3.
void add_gqa(Writer& w) {
  w.count_or("attention.head_count_kv", "num_key_value_heads", w.config.integer("num_attention_heads", 1, kMax));
  const uint32_t head = static_cast<uint32_t>(head_dim(w.config));
  w.add("attention.key_length", head);
  w.add("attention.value_length", head);
  w.add("rope.dimension_count", head);
}

void add_qwen3_moe(Writer& w) {
  add_gqa(w);
  require(w.config.boolean_or("norm_topk_prob", false),
          "{}: field 'norm_topk_prob': expected true, which is what GGUF files of qwen3moe mean", w.config.source());
  w.count("expert_count", "num_experts");
  w.count("expert_used_count", "num_experts_per_tok");
  w.count("expert_feed_forward_length", "moe_intermediate_size");
}

void add_deepseek(Writer& w) {
  const Fields& c = w.config;
  const bool v3 = c.string("model_type") != "deepseek_v2";
  const std::string score = c.string_or("scoring_func", v3 ? "sigmoid" : "softmax");
  const std::string method = c.string_or("topk_method", v3 ? "noaux_tc" : "greedy");
  require(score == "sigmoid" || score == "softmax", "{}: field 'scoring_func': expected softmax or sigmoid, found {}",
          c.source(), quote(score));
  require(c.integer_or("moe_layer_freq", 1, 1, kMax) == 1, "{}: field 'moe_layer_freq': GGUF files mean 1", c.source());
  const int rope = c.integer("qk_rope_head_dim", 2, kMax), rank = c.integer("kv_lora_rank", 1, kMax);

  w.add("attention.head_count_kv", uint32_t{1});  // the absorbed form: all heads share one latent
  if (c.has("q_lora_rank")) w.count("attention.q_lora_rank", "q_lora_rank");
  w.add("attention.kv_lora_rank", static_cast<uint32_t>(rank));
  w.add("attention.key_length", static_cast<uint32_t>(rank + rope));
  w.add("attention.value_length", static_cast<uint32_t>(rank));
  w.add("attention.key_length_mla", static_cast<uint32_t>(c.integer("qk_nope_head_dim", 1, kMax) + rope));
  w.count("attention.value_length_mla", "v_head_dim");
  w.add("rope.dimension_count", static_cast<uint32_t>(rope));
  w.count_or("leading_dense_block_count", "first_k_dense_replace", 0);
  w.count("expert_count", "n_routed_experts");
  w.count("expert_used_count", "num_experts_per_tok");
  w.count_or("expert_shared_count", "n_shared_experts", 0);
  w.count("expert_feed_forward_length", "moe_intermediate_size");
  w.number_or("expert_weights_scale", "routed_scaling_factor", 1);
  w.add("expert_weights_norm", c.boolean_or("norm_topk_prob", v3));
  w.add("expert_gating_func", uint32_t{score == "sigmoid" ? 2u : 1u});
  const bool grouped = method != "greedy";
  w.add("expert_group_count", static_cast<uint32_t>(grouped ? c.integer_or("n_group", 1, 1, kMaxExperts) : 1));
  w.add("expert_group_used_count", static_cast<uint32_t>(grouped ? c.integer_or("topk_group", 1, 1, kMaxExperts) : 1));
}

void add_deepseek32(Writer& w) {
  add_deepseek(w);
  w.count("attention.indexer.head_count", "index_n_heads");
  w.count("attention.indexer.key_length", "index_head_dim");
  w.count("attention.indexer.top_k", "index_topk");
}

struct Architecture {
  std::string_view model_type, arch;
  void (*add)(Writer&);
};
constexpr Architecture kArchitectures[] = {
    {"llama", "llama", add_gqa},
    {"qwen2", "qwen2", add_gqa},
    {"qwen3", "qwen3", add_gqa},
    {"qwen3_moe", "qwen3moe", add_qwen3_moe},
    {"deepseek_v2", "deepseek2", add_deepseek},
    {"deepseek_v3", "deepseek2", add_deepseek},
    {"deepseek_v32", "deepseek32", add_deepseek32},
};

const Architecture& architecture_of(const Fields& config) {
  const std::string type = config.string("model_type");
  std::vector<std::string_view> known;
  for (const Architecture& a : kArchitectures) {
    if (a.model_type == type) return a;
    known.push_back(a.model_type);
  }
  fail("{}: model_type {} cannot be written as GGUF; expected one of {}", config.source(), quote(type),
       fmt::join(known, ", "));
}

}  // namespace

GgufModel gguf_model(const Fields& config, bool mtp) {
  const Architecture& a = architecture_of(config);
  const bool deepseek = a.arch.starts_with("deepseek");
  const int heads = config.integer("num_attention_heads", 1, kMax);
  return {std::string(a.arch), config.integer("num_hidden_layers", 1, kMaxLayers) + drafts(config, mtp), heads,
          deepseek ? 1 : config.integer_or("num_key_value_heads", heads, 1, kMax),
          config.integer_or(deepseek ? "n_routed_experts" : "num_experts", 0, 0, kMaxExperts)};
}

bool is_gguf_architecture(std::string_view architecture) {
  return std::any_of(std::begin(kArchitectures), std::end(kArchitectures),
                     [&](const Architecture& a) { return a.arch == architecture; });
}

void add_config(GgufHead& head, const Fields& config, bool mtp) {
  const Architecture& a = architecture_of(config);
  require(!config.boolean_or("use_sliding_window", false), "{}: sliding-window attention is not supported",
          config.source());
  Writer w(head, config, a.arch);
  const int mtp_layers = drafts(config, mtp);
  w.add("vocab_size", static_cast<uint32_t>(config.integer("vocab_size", 1, kMax)));
  w.add("block_count", static_cast<uint32_t>(config.integer("num_hidden_layers", 1, kMaxLayers) + mtp_layers));
  if (mtp_layers > 0) w.add("nextn_predict_layers", static_cast<uint32_t>(mtp_layers));
  w.count_or("context_length", "max_position_embeddings", 2048);
  w.count("embedding_length", "hidden_size");
  w.count("feed_forward_length", "intermediate_size", 0);
  w.count("attention.head_count", "num_attention_heads");
  add_rope(w);
  w.number_or("attention.layer_norm_rms_epsilon", "rms_norm_eps", 1e-6);
  a.add(w);
}

void add_sampling(GgufHead& head, const GenerationConfig& g) {
  const auto add = [&](const char* key, const std::optional<double>& value) {
    if (value) head.add(fmt::format("general.sampling.{}", key), static_cast<float>(*value));
  };
  if (g.top_k) head.add("general.sampling.top_k", int32_t{*g.top_k});
  add("top_p", g.top_p);
  add("min_p", g.min_p);
  add("temp", g.temperature);
  add("penalty_repeat", g.repetition_penalty);
}

std::vector<float> gguf_rope_factors(const Fields& config) {
  const Json* found = rope_scaling(config);
  if (found == nullptr) return {};
  const Fields scaling(*found, config.source());
  if (scaling_type(scaling) != "llama3") return {};
  const double context = original_context(config, scaling), factor = scaling.number_or("factor", 8);
  const double low = scaling.number_or("low_freq_factor", 1), high = scaling.number_or("high_freq_factor", 4);
  require(factor > 0 && low > 0 && high > low,
          "{}: rope_scaling: expected factors above 0, low_freq_factor below "
          "high_freq_factor",
          config.source());
  const double theta = rope_theta(config);
  const int dim = head_dim(config);
  std::vector<float> factors;
  for (int i = 0; i < dim; i += 2) {
    const float frequency = static_cast<float>(1 / std::pow(theta, static_cast<double>(i) / dim));
    const double wavelength = 2 * std::numbers::pi / frequency;
    const double smooth = (context / wavelength - low) / (high - low);  // 0: stretched in full, 1: left as it is
    factors.push_back(wavelength < context / high  ? 1
                      : wavelength > context / low ? static_cast<float>(factor)
                                                   : static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
  }
  return factors;
}

}  // namespace dure

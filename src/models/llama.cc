#include "models/llama.h"

#include <algorithm>

#include "base/error.h"
#include "nn/gqa.h"
#include "nn/moe.h"

namespace dure {
namespace {

constexpr int kMax = 1 << 24, kMaxHead = 1 << 16;

/// Grouped-query attention of layer `prefix` from the fields of a Hugging Face config.
std::unique_ptr<Attention> load_gqa(const Fields& config, Loader& load, const std::string& prefix, int hidden,
                                    const RotaryEmbedding& rotary, int head_dim, double eps) {
  auto a = std::make_unique<GQA>();
  a->num_heads = config.integer("num_attention_heads", 1, kMax);
  a->num_key_value_heads = config.integer_or("num_key_value_heads", a->num_heads, 1, kMax);
  a->head_dim = head_dim;
  require(a->num_heads % a->num_key_value_heads == 0, "{}: {} attention heads over {} key-value heads", config.source(),
          a->num_heads, a->num_key_value_heads);
  const int64_t q_width = int64_t{a->num_heads} * head_dim, kv_width = int64_t{a->num_key_value_heads} * head_dim;
  const int interleaved = rotary.style == RopeStyle::interleaved ? head_dim : 0;
  a->q_proj = load.linear(prefix + ".q_proj", q_width, hidden, interleaved);
  a->k_proj = load.linear(prefix + ".k_proj", kv_width, hidden, interleaved);
  a->v_proj = load.linear(prefix + ".v_proj", kv_width, hidden);
  a->o_proj = load.linear(prefix + ".o_proj", hidden, q_width);
  if (config.string("model_type").starts_with("qwen3")) {
    a->q_norm = load.norm(prefix + ".q_norm", head_dim, eps);
    a->k_norm = load.norm(prefix + ".k_norm", head_dim, eps);
  }
  a->rotary = rotary;
  return a;
}

/// softmax over all experts, the best k, normalised if the config says so.
std::unique_ptr<FeedForward> load_moe(const Fields& config, Loader& load, const std::string& prefix, int hidden) {
  auto m = std::make_unique<MoE>();
  const int experts = config.integer("num_experts", 1, 1 << 16);
  m->routing.score = Routing::Score::softmax;
  m->routing.top_k = config.integer("num_experts_per_tok", 1, experts);
  m->routing.norm_topk_prob = config.boolean_or("norm_topk_prob", false);
  const int intermediate = config.integer("moe_intermediate_size", 1, kMax);
  m->gate = load.linear(prefix + ".gate", experts, hidden);
  for (int e = 0; e < experts; ++e)
    m->experts.push_back(load.expert(fmt::format("{}.experts.{}", prefix, e), hidden, intermediate));
  return m;
}

class Llama : public DecoderModel {
 public:
  Llama(const Fields& config, Loader& load, bool moe) {
    begin(config, load);
    require(!config.boolean_or("use_sliding_window", false), "{}: sliding-window attention is not supported",
            config.source());
    const int D = info_.hidden_size;
    const int heads = config.integer("num_attention_heads", 1, kMax);
    const int head_dim = config.integer_or("head_dim", std::max(D / heads, 1), 1, kMaxHead);
    const RopeStyle style = config.boolean_or("rope_interleaved", false) ? RopeStyle::interleaved : RopeStyle::half;
    const Tensor factors = load.has("rope_freqs.weight") ? load.constants("rope_freqs.weight", head_dim / 2) : Tensor();
    const RotaryEmbedding rotary =
        make_rotary(load.device(), head_dim, read_rope_theta(config), read_rope_scaling(config), style, factors);
    const int intermediate = config.integer("intermediate_size", 1, kMax);
    int64_t inactive = 0;

    for (int i = 0; i < info_.num_hidden_layers; ++i) {
      const std::string prefix = fmt::format("model.layers.{}", i);
      DecoderLayer layer;
      layer.input_layernorm = load.norm(prefix + ".input_layernorm", D, rms_norm_eps_);
      layer.self_attn = load_gqa(config, load, prefix + ".self_attn", D, rotary, head_dim, rms_norm_eps_);
      layer.post_attention_layernorm = load.norm(prefix + ".post_attention_layernorm", D, rms_norm_eps_);
      if (moe && is_moe(config, i)) {
        const int64_t before = load.elements();
        layer.mlp = load_moe(config, load, prefix + ".mlp", D);
        const int64_t experts = config.integer("num_experts", 1, kMax);
        const int64_t each = (load.elements() - before - experts * D) / experts;
        inactive += each * (experts - config.integer("num_experts_per_tok", 1, kMax));
      } else {
        layer.mlp = std::make_unique<MLP>(load.mlp(prefix + ".mlp", D, intermediate));
      }
      layers.push_back(std::move(layer));
    }
    finish(load, inactive);
  }

 private:
  static bool is_moe(const Fields& config, int layer) {
    if (const Json* dense = config.find("mlp_only_layers"))
      if (dense->is_array() && std::find(dense->begin(), dense->end(), layer) != dense->end()) return false;
    return (layer + 1) % config.integer_or("decoder_sparse_step", 1, 1, 1 << 16) == 0;
  }
};

}  // namespace

std::unique_ptr<Model> load_llama(const Fields& config, Loader& load) {
  return std::make_unique<Llama>(config, load, false);
}

std::unique_ptr<Model> load_qwen3_moe(const Fields& config, Loader& load) {
  return std::make_unique<Llama>(config, load, true);
}

}  // namespace dure

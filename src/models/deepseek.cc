#include "models/deepseek.h"

#include "base/error.h"
#include "nn/mla.h"
#include "nn/moe.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kMax = 1 << 24, kMaxHead = 1 << 16;
constexpr double kLatentNormEps = 1e-6;  // of q_a and kv_a norms in the reference, whatever rms_norm_eps says

constexpr double kIndexNormEps = 1e-6;

/// DeepSeek-V3.2's. Its rotary part turns like that of MLA, but in halves.
Indexer load_indexer(const Fields& config, Loader& load, const std::string& prefix, int hidden,
                     const RotaryEmbedding& rotary) {
  Indexer i;
  const int H = i.num_heads = config.integer("index_n_heads", 1, kMaxHead);
  i.qk_rope_head_dim = config.integer("qk_rope_head_dim", 2, kMaxHead);
  i.head_dim = config.integer("index_head_dim", i.qk_rope_head_dim + 1, kMaxHead);
  i.topk = config.integer("index_topk", 1, kMax);
  i.wq_b = load.linear(prefix + ".wq_b", int64_t{H} * i.head_dim, config.integer("q_lora_rank", 1, kMax));
  i.wk = load.linear(prefix + ".wk", i.head_dim, hidden);
  i.k_norm = load.layer_norm(prefix + ".k_norm", i.head_dim, kIndexNormEps);
  i.weights_proj = load.linear(prefix + ".weights_proj", H, hidden);
  i.rotary = rotary;
  i.rotary.style = RopeStyle::half;
  return i;
}

std::unique_ptr<Attention> load_mla(const Fields& config, Loader& load, const std::string& prefix, int hidden,
                                    const RotaryEmbedding& rotary) {
  auto a = std::make_unique<MLA>();
  const int H = a->num_heads = config.integer("num_attention_heads", 1, kMax);
  const int nope = a->qk_nope_head_dim = config.integer("qk_nope_head_dim", 1, kMax);
  const int rope = a->qk_rope_head_dim = config.integer("qk_rope_head_dim", 2, kMaxHead);
  const int v = a->v_head_dim = config.integer("v_head_dim", 1, kMax);
  const int rank = a->kv_lora_rank = config.integer("kv_lora_rank", 1, kMax);
  const int64_t q_width = int64_t{H} * (nope + rope);

  if (config.has("q_lora_rank")) {
    const int q_rank = config.integer("q_lora_rank", 1, kMax);
    a->q_a_proj = load.linear(prefix + ".q_a_proj", q_rank, hidden);
    a->q_a_norm = load.norm(prefix + ".q_a_layernorm", q_rank, kLatentNormEps);
    a->q_b_proj = load.linear(prefix + ".q_b_proj", q_width, q_rank);
  } else {
    a->q_b_proj = load.linear(prefix + ".q_proj", q_width, hidden);
  }
  a->kv_a_proj = load.linear(prefix + ".kv_a_proj_with_mqa", rank + rope, hidden);
  a->kv_a_norm = load.norm(prefix + ".kv_a_layernorm", rank, kLatentNormEps);
  if (load.has(prefix + ".k_b_proj.weight")) {
    // GGUF files hold the two halves apart, W_UK already turned for the absorbed form.
    a->w_uk = {load.weight(prefix + ".k_b_proj.weight", int64_t{H} * rank, nope), {rank, 0, rank}, Direction::forward};
    a->w_uv = {load.weight(prefix + ".v_b_proj.weight", int64_t{H} * v, rank), {v, 0, v}, Direction::forward};
  } else {
    const Weight kv_b = load.weight(prefix + ".kv_b_proj.weight", int64_t{H} * (nope + v), rank);
    a->w_uk = {kv_b, {nope + v, 0, nope}, Direction::transpose};
    a->w_uv = {kv_b, {nope + v, nope, v}, Direction::forward};
  }
  a->w_uk.prepare(load.device());
  for (const Lora& lora : load.loras(prefix + ".kv_b_proj", int64_t{H} * (nope + v), rank)) {
    a->w_uk.loras.push_back({lora, {nope + v, 0, nope}, Direction::transpose});
    a->w_uv.loras.push_back({lora, {nope + v, nope, v}, Direction::forward});
  }
  a->o_proj = load.linear(prefix + ".o_proj", hidden, int64_t{H} * v);
  a->rotary = rotary;
  if (config.has("index_topk")) a->indexer = load_indexer(config, load, prefix + ".indexer", hidden, rotary);
  return a;
}

Routing read_routing(const Fields& config) {
  Routing r;
  const int experts = config.integer("n_routed_experts", 1, 1 << 16);
  // Configs saved by transformers leave out what its class for the model takes for granted.
  const std::string type = config.string("model_type");
  const bool v3 = type == "deepseek_v3" || type == "deepseek_v32";
  const std::string score = config.string_or("scoring_func", v3 ? "sigmoid" : "softmax");
  const std::string method = config.string_or("topk_method", v3 ? "noaux_tc" : "greedy");
  require(score == "softmax" || score == "sigmoid", "{}: field 'scoring_func': expected softmax or sigmoid, found {}",
          config.source(), quote(score));
  r.score = score == "sigmoid" ? Routing::Score::sigmoid : Routing::Score::softmax;
  r.top_k = config.integer("num_experts_per_tok", 1, experts);
  r.norm_topk_prob = config.boolean_or("norm_topk_prob", v3);
  r.routed_scaling_factor = static_cast<float>(config.number_or("routed_scaling_factor", 1));
  r.n_group = config.integer_or("n_group", 1, 1, experts);
  r.topk_group = config.integer_or("topk_group", 1, 1, r.n_group);
  if (method == "noaux_tc") {
    r.groups = Routing::Groups::best_two;
  } else if (method == "group_limited_greedy") {
    r.groups = Routing::Groups::best;
  } else {
    require(method == "greedy", "{}: field 'topk_method': expected greedy, group_limited_greedy or noaux_tc, found {}",
            config.source(), quote(method));
  }
  require(experts % r.n_group == 0, "{}: {} experts do not divide into {} groups", config.source(), experts, r.n_group);
  return r;
}

class DeepSeek : public DecoderModel {
 public:
  DeepSeek(const Fields& config, Loader& load) {
    begin(config, load);
    const int rope_dim = config.integer("qk_rope_head_dim", 2, kMaxHead);
    const RotaryEmbedding rotary = make_rotary(load.device(), rope_dim, read_rope_theta(config),
                                               read_rope_scaling(config), RopeStyle::interleaved);
    const int depth = info_.num_hidden_layers;
    const int first_dense = config.integer_or("first_k_dense_replace", 0, 0, depth);
    const int frequency = config.integer_or("moe_layer_freq", 1, 1, kMax);

    for (int i = 0; i < depth; ++i)
      layers.push_back(load_layer(config, load, i, i >= first_dense && i % frequency == 0, rotary));

    const int64_t before_mtp = load.elements();
    const std::string mtp = fmt::format("model.layers.{}", depth);
    if (config.integer_or("num_nextn_predict_layers", 0, 0, 64) > 0 && load.has(mtp + ".eh_proj.weight"))
      load_mtp(config, load, mtp, depth, rotary);
    finish(load, inactive_ + load.elements() - before_mtp);
  }

  Tensor draft_hidden(const Tensor& hidden, const Batch& next_tokens) override {  // hidden: [T, D]
    if (!mtp_) return DecoderModel::draft_hidden(hidden, next_tokens);
    const Tensor ids = Tensor::from(hidden.device(), next_tokens.tokens);
    const Tensor e = mtp_->enorm(embedding(ids, mtp_->embed_tokens));  // [T, D]
    const Tensor x = mtp_->eh_proj(concat(e, mtp_->hnorm(hidden)));    // [T, D]
    return mtp_->norm(apply(mtp_->layer, x, next_tokens, info_.num_hidden_layers));
  }
  Tensor draft_logits(const Tensor& hidden) override {
    return mtp_ ? mtp_->head(hidden) : DecoderModel::draft_logits(hidden);
  }
  bool can_draft() const override { return mtp_.has_value(); }

  std::vector<std::vector<CachePlane>> cache_planes(bool drafting) const override {
    auto planes = DecoderModel::cache_planes(drafting);
    if (mtp_ && drafting) planes.push_back(mtp_->layer.self_attn->cache_planes());
    return planes;
  }

 private:
  struct Mtp {
    Weight embed_tokens;
    RmsNorm enorm, hnorm;
    Linear eh_proj;  // [D, 2D]
    DecoderLayer layer;
    RmsNorm norm;
    Linear head;
  };

  DecoderLayer load_layer(const Fields& config, Loader& load, int index, bool moe, const RotaryEmbedding& rotary) {
    const std::string prefix = fmt::format("model.layers.{}", index);
    const int D = info_.hidden_size;
    DecoderLayer layer;
    layer.input_layernorm = load.norm(prefix + ".input_layernorm", D, rms_norm_eps_);
    layer.self_attn = load_mla(config, load, prefix + ".self_attn", D, rotary);
    layer.post_attention_layernorm = load.norm(prefix + ".post_attention_layernorm", D, rms_norm_eps_);
    if (moe) {
      layer.mlp = load_moe(config, load, prefix + ".mlp");
    } else {
      layer.mlp = std::make_unique<MLP>(load.mlp(prefix + ".mlp", D, config.integer("intermediate_size", 1, kMax)));
    }
    return layer;
  }

  std::unique_ptr<FeedForward> load_moe(const Fields& config, Loader& load, const std::string& prefix) {
    auto m = std::make_unique<MoE>();
    const int D = info_.hidden_size, experts = config.integer("n_routed_experts", 1, 1 << 16);
    const int intermediate = config.integer("moe_intermediate_size", 1, kMax);
    m->routing = read_routing(config);
    m->gate = load.linear(prefix + ".gate", experts, D);
    if (m->routing.groups == Routing::Groups::best_two)
      m->e_score_correction_bias = load.buffer(prefix + ".gate.e_score_correction_bias", experts);
    for (int e = 0; e < experts; ++e)
      m->experts.push_back(load.expert(fmt::format("{}.experts.{}", prefix, e), D, intermediate));
    inactive_ += int64_t{3} * D * intermediate * (experts - m->routing.top_k);
    if (const int shared = config.integer_or("n_shared_experts", 0, 0, 1 << 12))
      m->shared_experts = load.mlp(prefix + ".shared_experts", D, int64_t{shared} * intermediate);
    return m;
  }

  /// The MTP layer stands after the last layer; embedding and head are stored with it or shared with the model.
  void load_mtp(const Fields& config, Loader& load, const std::string& prefix, int index,
                const RotaryEmbedding& rotary) {
    const int D = info_.hidden_size, V = info_.vocab_size;
    const int64_t inactive = inactive_;
    Mtp m;
    const bool own_embedding = load.has(prefix + ".embed_tokens.weight");
    m.embed_tokens = own_embedding ? load.table(prefix + ".embed_tokens.weight", V, D) : embed_tokens;
    m.enorm = load.norm(prefix + ".enorm", D, rms_norm_eps_);
    m.hnorm = load.norm(prefix + ".hnorm", D, rms_norm_eps_);
    m.eh_proj = load.linear(prefix + ".eh_proj", D, int64_t{2} * D);
    m.layer = load_layer(config, load, index, true, rotary);
    m.norm = load.norm(prefix + ".shared_head.norm", D, rms_norm_eps_);
    const bool own_head = load.has(prefix + ".shared_head.head.weight");
    m.head = own_head ? load.linear(prefix + ".shared_head.head", V, D) : lm_head;
    mtp_ = std::move(m);
    inactive_ = inactive;  // the whole layer counts as inactive: an answer does not need it
  }

  std::optional<Mtp> mtp_;
  int64_t inactive_ = 0;  // parameters of experts that a token does not use
};

}  // namespace

std::unique_ptr<Model> load_deepseek(const Fields& config, Loader& load) {
  return std::make_unique<DeepSeek>(config, load);
}

}  // namespace dure

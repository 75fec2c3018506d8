#include "models/deepseek_v4.h"

#include "base/error.h"
#include "nn/compressed_attention.h"
#include "nn/hyper_connection.h"
#include "nn/moe.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kMax = 1 << 24, kMaxHead = 1 << 16;
constexpr MlpNames kNames{"w1", "w3", "w2"};

/// Two sublayers, each between a collapse and an expansion of the streams.
struct Block {
  HyperConnection hc_attn, hc_ffn;
  RmsNorm attn_norm, ffn_norm;
  std::unique_ptr<CompressedAttention> attn;
  std::unique_ptr<MoE> ffn;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const {  // [T, n, D] -> [T, n, D]
    const HyperConnection::Mix a = hc_attn.mix(x);
    const Tensor h = hc_attn.expand(x, (*attn)(attn_norm(hc_attn.collapse(x, a)), b, layer), a);
    const HyperConnection::Mix f = hc_ffn.mix(h);
    return hc_ffn.expand(h, (*ffn)(ffn_norm(hc_ffn.collapse(h, f)), b, layer), f);
  }
};

/// One number for each layer: 0, or a divisor of the cache's blocks. More may follow, of layers for drafting.
std::vector<int> compress_ratios(const Fields& config, int depth) {
  const Json* list = config.find("compress_ratios");
  require(list != nullptr && list->is_array() && static_cast<int>(list->size()) >= depth,
          "{}: field 'compress_ratios': expected a list of {} numbers", config.source(), depth);
  std::vector<int> ratios;
  for (const Json& value : *list) {
    const int ratio = value.is_number_integer() ? value.get<int>() : -1;
    require(ratio == 0 || (ratio > 0 && KVCache::kBlockSize % ratio == 0),
            "{}: field 'compress_ratios': expected 0 or divisors of {}, found {}", config.source(), KVCache::kBlockSize,
            quote(dump_json(value), 40));
    ratios.push_back(ratio);
  }
  return ratios;
}

/// Rotary embeddings of a kind of layer, and the way back.
struct Rotaries {
  RotaryEmbedding forth, back;
};

class DeepSeekV4 : public DecoderModel {
 public:
  DeepSeekV4(const Fields& config, Loader& load) : config_(config), load_(load) {
    begin(config, load, {"embed.weight", "norm", "head"});
    streams_ = config.integer("hc_mult", 1, 64);
    plain_ = rotaries("rope_theta", {});
    compressed_ = rotaries("compress_rope_theta", read_rope_scaling(config));

    const int depth = info_.num_hidden_layers;
    const std::vector<int> ratios = compress_ratios(config, depth);
    const int hashed = config.integer_or("num_hash_layers", 0, 0, depth);
    for (int i = 0; i < depth; ++i)
      blocks_.push_back(load_block(fmt::format("layers.{}", i), ratios[static_cast<size_t>(i)], i < hashed));
    head_ = load_head("hc_head");

    const int64_t before = load.elements(), inactive = inactive_;
    if (config.integer_or("num_nextn_predict_layers", 0, 0, 64) > 0 && load.has("mtp.0.e_proj.weight")) load_mtp();
    inactive_ = inactive;  // the whole layer counts as inactive: an answer does not need it
    finish(load, inactive_ + load.elements() - before);
    for (const Block& block : blocks_) info_.attention_products += block.attn->products();
  }

  /// The streams of each row after the last layer, side by side: [T, n D].
  Tensor forward(const Batch& b) override {
    norm.weight.device().backend().set_row_kind(b.kind);
    const Tensor e = embed(b);  // [T, D]
    b.observe("embedding", -1, e);
    Tensor x = spread(e);  // [T, n, D]
    for (size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i](x, b, static_cast<int>(i));
      b.observe("layer_output", static_cast<int>(i), x);
    }
    return reshape(x, {x.dim(0), -1});
  }
  Tensor logits(const Tensor& hidden) override { return lm_head(norm(head_(streams(hidden)))); }

  Tensor draft_hidden(const Tensor& hidden, const Batch& next_tokens) override {
    if (!mtp_) return DecoderModel::draft_hidden(hidden, next_tokens);
    const Tensor e = mtp_->e_proj(mtp_->enorm(embed(next_tokens)));               // [T, D]
    const Tensor x = add(spread(e), mtp_->h_proj(mtp_->hnorm(streams(hidden))));  // [T, n, D]
    return mtp_->norm(mtp_->head(mtp_->block(x, next_tokens, info_.num_hidden_layers)));
  }
  Tensor draft_logits(const Tensor& hidden) override {
    return mtp_ ? lm_head(hidden) : DecoderModel::draft_logits(hidden);
  }
  bool can_draft() const override { return mtp_.has_value(); }

  std::vector<std::vector<CachePlane>> cache_planes(bool drafting) const override {
    std::vector<std::vector<CachePlane>> planes;
    for (const Block& block : blocks_) planes.push_back(block.attn->cache_planes());
    if (mtp_ && drafting) planes.push_back(mtp_->block.attn->cache_planes());
    return planes;
  }

 private:
  struct Mtp {
    Linear e_proj, h_proj;
    RmsNorm enorm, hnorm, norm;
    Block block;
    HyperHead head;
  };

  Tensor spread(const Tensor& x) const {  // [T, D] -> [T, n, D], the same in every stream
    return contiguous(x.alias({x.dim(0), streams_, x.dim(1)}, {x.dim(1), 0, 1}, 0));
  }
  Tensor streams(const Tensor& hidden) const { return reshape(hidden, {hidden.dim(0), streams_, -1}); }

  /// The official code knows no factor on rotated channels, whatever YaRN's formula says.
  Rotaries rotaries(const char* theta, const RopeScaling& scaling) const {
    Rotaries r;
    r.forth = make_rotary(load_.device(), config_.integer("qk_rope_head_dim", 2, kMaxHead), config_.number(theta),
                          scaling, RopeStyle::interleaved);
    r.forth.magnitude = r.forth.softmax_scale = 1;
    r.back = r.forth;
    r.back.frequencies = scale(r.forth.frequencies, -1);
    return r;
  }

  RmsNorm ones(int64_t size) const {
    const std::vector<float> values(static_cast<size_t>(size), 1);
    return {Tensor::from(load_.device(), values, {size}), static_cast<float>(rms_norm_eps_)};
  }

  HyperConnection load_connection(const std::string& prefix) {
    const int64_t n = streams_, D = info_.hidden_size;
    HyperConnection c;
    c.fn = {load_.weight(prefix + "_fn", n * (n + 2), n * D)};
    c.base = load_.buffer(prefix + "_base", n * (n + 2));
    c.factor = load_.buffer(prefix + "_scale", 3);
    c.norm = ones(n * D);
    c.streams = streams_;
    c.iterations = config_.integer_or("hc_sinkhorn_iters", 20, 1, 1000);
    c.eps = static_cast<float>(config_.number_or("hc_eps", 1e-6));
    return c;
  }

  HyperHead load_head(const std::string& prefix) {
    const int64_t n = streams_, D = info_.hidden_size;
    return {{load_.weight(prefix + "_fn", n, n * D)},
            load_.buffer(prefix + "_base", n),
            load_.buffer(prefix + "_scale", 1),
            ones(n * D),
            static_cast<float>(config_.number_or("hc_eps", 1e-6))};
  }

  Compressor load_compressor(const std::string& prefix, int ratio, int width) {
    Compressor c;
    c.ratio = ratio;
    c.width = width;
    c.qk_rope_head_dim = config_.integer("qk_rope_head_dim", 2, kMaxHead);
    const int64_t channels = int64_t{c.parts()} * width, D = info_.hidden_size;
    c.wkv = load_.linear(prefix + ".wkv", channels, D);
    c.wgate = load_.linear(prefix + ".wgate", channels, D);
    c.ape = load_.matrix(prefix + ".ape", ratio, channels);
    c.norm = load_.norm(prefix + ".norm", width, rms_norm_eps_);
    c.rotary = compressed_.forth;
    return c;
  }

  std::unique_ptr<CompressedAttention> load_attention(const std::string& prefix, int ratio) {
    auto a = std::make_unique<CompressedAttention>();
    const int D = info_.hidden_size, H = a->num_heads = config_.integer("num_attention_heads", 1, kMax);
    const int d = a->head_dim = config_.integer("head_dim", 1, kMaxHead);
    const int rank = config_.integer("q_lora_rank", 1, kMax), low = config_.integer("o_lora_rank", 1, kMax);
    const int groups = a->groups = config_.integer("o_groups", 1, H);
    require(H % groups == 0, "{}: {} heads do not divide into {} groups", config_.source(), H, groups);
    a->qk_rope_head_dim = config_.integer("qk_rope_head_dim", 2, d);
    a->window = config_.integer("sliding_window", 1, kMax);
    a->wq_a = load_.linear(prefix + ".wq_a", rank, D);
    a->q_norm = load_.norm(prefix + ".q_norm", rank, rms_norm_eps_);
    a->wq_b = load_.linear(prefix + ".wq_b", int64_t{H} * d, rank);
    a->wkv = load_.linear(prefix + ".wkv", d, D);
    a->kv_norm = load_.norm(prefix + ".kv_norm", d, rms_norm_eps_);
    a->head_norm = ones(d);
    const int64_t wide = int64_t{H} / groups * d;
    a->wo_a = {load_.weight(prefix + ".wo_a.weight", int64_t{groups} * low, wide), {low, 0, low}, Direction::forward};
    a->wo_b = load_.linear(prefix + ".wo_b", D, int64_t{groups} * low);
    a->attn_sink = load_.buffer(prefix + ".attn_sink", H);
    const Rotaries& rotary = ratio == 0 ? plain_ : compressed_;
    a->rotary = rotary.forth;
    a->back = rotary.back;
    if (ratio == 0) return a;

    a->compressor = load_compressor(prefix + ".compressor", ratio, d);
    if (ratio != kIndexedRatio) return a;
    CompressedAttention::Index index;
    index.num_heads = config_.integer("index_n_heads", 1, kMaxHead);
    index.head_dim = config_.integer("index_head_dim", a->qk_rope_head_dim, kMaxHead);
    index.topk = config_.integer("index_topk", 1, kMax);
    index.wq_b = load_.linear(prefix + ".indexer.wq_b", int64_t{index.num_heads} * index.head_dim, rank);
    index.weights_proj = load_.linear(prefix + ".indexer.weights_proj", index.num_heads, D);
    index.compressor = load_compressor(prefix + ".indexer.compressor", ratio, index.head_dim);
    a->index = std::move(index);
    return a;
  }

  std::unique_ptr<MoE> load_moe(const std::string& prefix, bool hashed) {
    auto m = std::make_unique<MoE>();
    const int D = info_.hidden_size, experts = config_.integer("n_routed_experts", 1, 1 << 16);
    const int intermediate = config_.integer("moe_intermediate_size", 1, kMax);
    const std::string score = config_.string_or("scoring_func", "sqrtsoftplus");
    require(score == "sqrtsoftplus", "{}: field 'scoring_func': expected sqrtsoftplus, found {}", config_.source(),
            quote(score));
    m->routing.score = Routing::Score::sqrt_softplus;
    m->routing.top_k = config_.integer("num_experts_per_tok", 1, experts);
    m->routing.norm_topk_prob = config_.boolean_or("norm_topk_prob", true);
    m->routing.routed_scaling_factor = static_cast<float>(config_.number_or("routed_scaling_factor", 1));
    m->gate = {load_.weight(prefix + ".gate.weight", experts, D)};
    if (hashed)
      m->tid2eid = load_.ids(prefix + ".gate.tid2eid", info_.vocab_size, m->routing.top_k, experts);
    else
      m->e_score_correction_bias = load_.buffer(prefix + ".gate.bias", experts);
    const float limit = static_cast<float>(config_.number_or("swiglu_limit", INFINITY));
    for (int e = 0; e < experts; ++e) {
      m->experts.push_back(load_.expert(fmt::format("{}.experts.{}", prefix, e), D, intermediate, kNames));
      m->experts.back().swiglu_limit = limit;
    }
    inactive_ += int64_t{3} * D * intermediate * (experts - m->routing.top_k);
    if (const int shared = config_.integer_or("n_shared_experts", 0, 0, 1 << 12)) {
      m->shared_experts = load_.mlp(prefix + ".shared_experts", D, int64_t{shared} * intermediate, kNames);
      m->shared_experts->swiglu_limit = limit;
    }
    return m;
  }

  Block load_block(const std::string& prefix, int ratio, bool hashed) {
    const int D = info_.hidden_size;
    Block block;
    block.hc_attn = load_connection(prefix + ".hc_attn");
    block.attn_norm = load_.norm(prefix + ".attn_norm", D, rms_norm_eps_);
    block.attn = load_attention(prefix + ".attn", ratio);
    block.hc_ffn = load_connection(prefix + ".hc_ffn");
    block.ffn_norm = load_.norm(prefix + ".ffn_norm", D, rms_norm_eps_);
    block.ffn = load_moe(prefix + ".ffn", hashed);
    return block;
  }

  void load_mtp() {
    const int D = info_.hidden_size;
    Mtp m;
    m.e_proj = load_.linear("mtp.0.e_proj", D, D);
    m.h_proj = load_.linear("mtp.0.h_proj", D, D);
    m.enorm = load_.norm("mtp.0.enorm", D, rms_norm_eps_);
    m.hnorm = load_.norm("mtp.0.hnorm", D, rms_norm_eps_);
    m.block = load_block("mtp.0", 0, false);
    m.norm = load_.norm("mtp.0.norm", D, rms_norm_eps_);
    m.head = load_head("mtp.0.hc_head");
    mtp_ = std::move(m);
  }

  static constexpr int kIndexedRatio = 4;

  const Fields& config_;  // while loading
  Loader& load_;
  int streams_ = 1;
  Rotaries plain_, compressed_;
  std::vector<Block> blocks_;
  HyperHead head_;
  std::optional<Mtp> mtp_;
  int64_t inactive_ = 0;
};

}  // namespace

std::unique_ptr<Model> load_deepseek_v4(const Fields& config, Loader& load) {
  return std::make_unique<DeepSeekV4>(config, load);
}

}  // namespace dure

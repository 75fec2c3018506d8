#include "models/decoder.h"

#include <unordered_set>

#include "base/error.h"
#include "ops/checkpoint.h"

namespace dure {

Tensor DecoderLayer::operator()(const Tensor& x, const Batch& b, int layer) const {
  const Tensor h = add(x, (*self_attn)(input_layernorm(x), b, layer));  // [T, D]
  return add(h, (*mlp)(post_attention_layernorm(h), b, layer));         // [T, D]
}

Tensor DecoderModel::embed(const Batch& b) const {
  return embedding(Tensor::from(embed_tokens.data.device(), b.tokens), embed_tokens);
}

Tensor DecoderModel::apply(const DecoderLayer& layer, const Tensor& x, const Batch& b, int index) {
  if (!b.recompute) return layer(x, b, index);
  // The second run is long after the caller's batch is gone, and has nothing new to show.
  const auto again = std::make_shared<Batch>(b);
  const Tensor y = checkpoint([&layer, again, index](const Tensor& in) { return layer(in, *again, index); }, x);
  again->trace = nullptr;
  return y;
}

Tensor DecoderModel::forward(const Batch& b) {
  norm.weight.device().backend().set_row_kind(b.kind);
  Tensor x = embed(b);  // [T, D]
  b.observe("embedding", -1, x);
  for (size_t i = 0; i < layers.size(); ++i) {
    x = apply(layers[i], x, b, static_cast<int>(i));
    b.observe("layer_output", static_cast<int>(i), x);
  }
  return norm(x);
}

Tensor DecoderModel::draft_hidden(const Tensor&, const Batch&) {
  fail("{}: this model has no MTP layer", info_.model_type);
}

Tensor DecoderModel::draft_logits(const Tensor&) { fail("{}: this model has no MTP layer", info_.model_type); }

std::vector<std::vector<CachePlane>> DecoderModel::cache_planes(bool) const {
  std::vector<std::vector<CachePlane>> planes;
  for (const DecoderLayer& layer : layers) planes.push_back(layer.self_attn->cache_planes());
  return planes;
}

void DecoderModel::begin(const Fields& config, Loader& load, const Names& names) {
  constexpr int kMax = 1 << 24;
  info_.model_type = config.string("model_type");
  info_.vocab_size = config.integer("vocab_size", 1, kMax);
  info_.hidden_size = config.integer("hidden_size", 1, kMax);
  info_.num_hidden_layers = config.integer("num_hidden_layers", 1, 4096);
  info_.max_position_embeddings = config.integer_or("max_position_embeddings", 2048, 1, 1 << 30);
  rms_norm_eps_ = config.number_or("rms_norm_eps", 1e-6);
  const std::string act = config.string_or("hidden_act", "silu");
  require(act == "silu", "{}: field 'hidden_act': expected silu, found {}", config.source(), quote(act));

  embed_tokens = load.table(names.embedding, info_.vocab_size, info_.hidden_size);
  norm = load.norm(names.norm, info_.hidden_size, rms_norm_eps_);
  if (config.boolean_or("tie_word_embeddings", false)) {
    lm_head = {load.multiplier(embed_tokens), {}, load.loras(names.head, info_.vocab_size, info_.hidden_size)};
  } else {
    lm_head = load.linear(names.head, info_.vocab_size, info_.hidden_size);
  }
}

void DecoderModel::finish(const Loader& load, int64_t inactive_parameters) {
  parameters_ = load.parameters();
  adapters_ = load.switches();
  info_.parameters = load.elements();
  info_.active_parameters = info_.parameters - inactive_parameters;
  for (const DecoderLayer& layer : layers) info_.attention_products += layer.self_attn->products();
}

}  // namespace dure

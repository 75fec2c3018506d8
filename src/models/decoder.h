#pragma once

#include "models/loader.h"
#include "nn/layers.h"

namespace dure {

/// One layer: x += attention(norm(x)); x += feed_forward(norm(x)).
struct DecoderLayer {
  RmsNorm input_layernorm;
  std::unique_ptr<Attention> self_attn;
  RmsNorm post_attention_layernorm;
  std::unique_ptr<FeedForward> mlp;

  Tensor operator()(const Tensor& x, const Batch& b, int layer) const;  // [T, D] -> [T, D]
};

/// The frame that all architectures here share: embedding, pre-norm layers, final norm, output head. What differs is
/// which attention and feed-forward a file of models/ puts into it.
class DecoderModel : public Model {
 public:
  Tensor forward(const Batch& b) override;
  Tensor logits(const Tensor& hidden) override { return lm_head(hidden); }
  Tensor draft_hidden(const Tensor& hidden, const Batch& next_tokens) override;
  Tensor draft_logits(const Tensor& hidden) override;
  bool can_draft() const override { return false; }
  const Parameters& parameters() const override { return parameters_; }
  std::vector<std::vector<CachePlane>> cache_planes(bool drafting) const override;
  const ModelInfo& info() const override { return info_; }
  const std::vector<AdapterSwitch>& adapters() const override { return adapters_; }

 protected:
  /// What embedding, final norm and head are called.
  struct Names {
    std::string embedding = "model.embed_tokens.weight", norm = "model.norm", head = "lm_head";
  };
  /// Fields that every config has, embedding and head. `layers` is filled by the derived class, which then calls
  /// finish().
  void begin(const Fields& config, Loader& load, const Names& names);
  void begin(const Fields& config, Loader& load) { begin(config, load, Names()); }
  void finish(const Loader& load, int64_t inactive_parameters);
  Tensor embed(const Batch& b) const;  // [T, D]
  /// One layer on x [T, D], its activations kept or not as the batch asks.
  static Tensor apply(const DecoderLayer& layer, const Tensor& x, const Batch& b, int index);

  Weight embed_tokens;  // [V, D]
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;  // [V, D]
  double rms_norm_eps_ = 1e-6;
  ModelInfo info_;

 private:
  Parameters parameters_;
  std::vector<AdapterSwitch> adapters_;
};

}  // namespace dure

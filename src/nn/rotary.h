#pragma once

#include "nn/batch.h"
#include "ops/rope.h"

namespace dure {

/// How a model stretches its rotary embedding to longer contexts; field names as in config.json's rope_scaling.
struct RopeScaling {
  enum class Type : uint8_t { none, linear, llama3, yarn };
  Type type = Type::none;
  double factor = 1;
  int original_max_position_embeddings = 0;
  double beta_fast = 32, beta_slow = 1;              // yarn
  double mscale = 0, mscale_all_dim = 0;             // yarn; 0: not given
  double attention_factor = 0;                       // yarn; 0: from the factor
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
};

/// Rotary position embedding with its frequencies, ready to apply.
struct RotaryEmbedding {
  Tensor frequencies;       ///< [R / 2] radians per position
  float magnitude = 1;      ///< factor on the rotated channels (YaRN's attention factor)
  float softmax_scale = 1;  ///< factor that DeepSeek puts on the softmax scale under YaRN: mscale squared
  RopeStyle style = RopeStyle::half;

  Tensor operator()(const Tensor& x, const Batch& b) const {  // [T, H, R] -> [T, H, R]
    return rope(x, b.positions, frequencies, magnitude, style);
  }
};

/// Frequencies theta^(-2i/R), scaled as the model asks: linear (Chen et al., 2023), llama3 (Llama 3.1 release), YaRN
/// (Peng et al., 2023, with DeepSeek's mscale fields). `factors` [R / 2] divides them one by one (GGUF's rope_freqs);
/// may be undefined.
RotaryEmbedding make_rotary(Device& device, int rotary_dim, double theta, const RopeScaling& scaling, RopeStyle style,
                            const Tensor& factors = {});

}  // namespace dure

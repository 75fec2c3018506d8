#include "nn/rotary.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace dure {
namespace {

double yarn_mscale(double factor, double mscale) { return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1; }

/// The channel pair that turns `rotations` times within the original context.
double yarn_correction(double rotations, int dim, double theta, int context) {
  return dim * std::log(context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
}

/// Pairs that turn often keep their frequency, pairs that turn less than once are stretched, a ramp lies between.
void stretch_yarn(std::vector<float>& f, int dim, double theta, const RopeScaling& s) {
  const double low =
      std::max(std::floor(yarn_correction(s.beta_fast, dim, theta, s.original_max_position_embeddings)), 0.0);
  double high =
      std::min(std::ceil(yarn_correction(s.beta_slow, dim, theta, s.original_max_position_embeddings)), dim - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < f.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    f[i] = static_cast<float>(f[i] / s.factor * stretched + f[i] * (1 - stretched));
  }
}

/// Long wavelengths are stretched, short ones kept, those between are blended.
void stretch_llama3(std::vector<float>& f, const RopeScaling& s) {
  const double context = s.original_max_position_embeddings;
  for (float& v : f) {
    const double wavelength = 2 * std::numbers::pi / v;
    if (wavelength < context / s.high_freq_factor) continue;
    const double smooth = wavelength > context / s.low_freq_factor
                              ? 0
                              : (context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
    v = static_cast<float>((1 - smooth) * v / s.factor + smooth * v);
  }
}

}  // namespace

RotaryEmbedding make_rotary(Device& device, int rotary_dim, double theta, const RopeScaling& scaling, RopeStyle style,
                            const Tensor& factors) {
  require(rotary_dim > 0 && rotary_dim % 2 == 0, "rotary embedding: expected an even number of channels, found {}",
          rotary_dim);
  std::vector<float> f(static_cast<size_t>(rotary_dim / 2));
  for (size_t i = 0; i < f.size(); ++i)
    f[i] = static_cast<float>(1 / std::pow(theta, 2 * static_cast<double>(i) / rotary_dim));

  RotaryEmbedding rotary;
  rotary.style = style;
  switch (scaling.type) {
    case RopeScaling::Type::none: break;
    case RopeScaling::Type::linear:
      for (float& v : f) v = static_cast<float>(v / scaling.factor);
      break;
    case RopeScaling::Type::llama3: stretch_llama3(f, scaling); break;
    case RopeScaling::Type::yarn:
      stretch_yarn(f, rotary_dim, theta, scaling);
      if (scaling.attention_factor > 0) {
        rotary.magnitude = static_cast<float>(scaling.attention_factor);
      } else if (scaling.mscale > 0 && scaling.mscale_all_dim > 0) {
        rotary.magnitude = static_cast<float>(yarn_mscale(scaling.factor, scaling.mscale) /
                                              yarn_mscale(scaling.factor, scaling.mscale_all_dim));
      } else {
        rotary.magnitude = static_cast<float>(yarn_mscale(scaling.factor, 1));
      }
      if (scaling.mscale_all_dim > 0) {
        const double m = yarn_mscale(scaling.factor, scaling.mscale_all_dim);
        rotary.softmax_scale = static_cast<float>(m * m);
      }
      break;
  }
  if (factors.defined()) {
    require(factors.numel() == rotary_dim / 2, "rotary embedding: {} channels, {} factors", rotary_dim,
            factors.numel());
    for (size_t i = 0; i < f.size(); ++i) f[i] /= factors.data()[i];
  }
  rotary.frequencies = Tensor::from(device, f, {rotary_dim / 2});
  return rotary;
}

}  // namespace dure

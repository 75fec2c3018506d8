#include "train/new_model.h"

#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/system.h"
#include "models/model_shape.h"

namespace dure {
namespace {

/// FNV-1a: gives each tensor a stream of random numbers of its own.
uint64_t hash(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

/// Box and Muller's transform, two values at a time.
void fill_normal(std::span<float> values, double std, Rng rng) {
  for (size_t i = 0; i < values.size(); i += 2) {
    const double radius = std * std::sqrt(-2 * std::log(1 - rng.uniform()));
    const double angle = 2 * std::numbers::pi * rng.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
}

class NewModel : public Checkpoint {
 public:
  NewModel(const Json& config, std::string source, const InitOptions& options, Device& device)
      : config_(config), source_(std::move(source)), options_(options), device_(device) {
    const ModelShape shape = model_shape(config_, source_);
    for (const ParameterShape& p : shape.parameters) {
      const bool own_table = p.part == Part::mtp &&
                             (p.name.ends_with(".embed_tokens.weight") || p.name.ends_with("shared_head.head.weight"));
      if (!own_table) shapes_.emplace(p.name, p.shape);
    }
    // Weights, gradients and at most two moments.
    const int64_t bytes = shape.info.parameters * 4 * static_cast<int64_t>(sizeof(float));
    const int64_t free = memory_status().available;
    require(free == 0 || bytes < free, "{}: training takes more than {} MB of memory, but {} MB are free", source_,
            bytes >> 20, free >> 20);
  }

  const Json& config() const override { return config_; }
  std::string source() const override { return source_; }
  const GenerationConfig& generation() const override { return generation_; }
  std::vector<TensorInfo> tensors() const override { return {}; }

  std::optional<StoredTensor> find(const std::string& name) const override {
    const auto it = shapes_.find(name);
    if (it == shapes_.end()) return {};
    const Tensor t = Tensor::empty(device_, DType::F32, it->second);
    const bool output = name.ends_with(".o_proj.weight") || name.ends_with(".down_proj.weight");
    if (it->second.rank() == 1)
      std::ranges::fill(t.data(), name.ends_with("norm.weight") ? 1.f : 0.f);
    else if (output && options_.zero_outputs)
      std::ranges::fill(t.data(), 0.f);
    else
      fill_normal(t.data(), options_.std, Rng(options_.seed, hash(name)));
    return StoredTensor{t, {}};
  }

 private:
  Json config_;
  std::string source_;
  GenerationConfig generation_;
  InitOptions options_;
  Device& device_;
  std::map<std::string, Shape> shapes_;
};

}  // namespace

std::unique_ptr<Checkpoint> make_new_model(const Json& config, const std::string& source, const InitOptions& options,
                                           Device& device) {
  return std::make_unique<NewModel>(config, source, options, device);
}

}  // namespace dure

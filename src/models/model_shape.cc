#include "models/model_shape.h"

#include <algorithm>
#include <charconv>

#include "backend/registry.h"
#include "base/json.h"

namespace dure {
namespace {

/// N of "model.layers.N...."; -1 if the name has none.
int layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "model.layers.";
  int layer = -1;
  if (name.starts_with(kPrefix)) std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  return layer;
}

Part part_of(std::string_view name, int layers) {
  const auto has = [&](std::string_view text) { return name.find(text) != name.npos; };
  if (layer_of(name) >= layers || name.starts_with("mtp.")) return Part::mtp;
  if (has("embed_tokens") || name == "embed.weight") return Part::embedding;
  if (has("lm_head") || name == "head.weight") return Part::head;
  if (has("norm")) return Part::norm;
  if (has("attn.")) return Part::attention;
  if (has(".experts.")) return Part::expert;
  if (has(".shared_experts.")) return Part::shared_expert;
  if (has(".mlp.gate.") || has(".ffn.gate.")) return Part::router;
  return Part::feed_forward;
}

/// Gives a model whatever it asks for and writes it down. Matrices lead nowhere: nobody reads them while a model is
/// made. Vectors and tables, which are copied, are zeros.
class EmptyCheckpoint : public Checkpoint {
 public:
  EmptyCheckpoint(const Json& config, std::string source, Device& device)
      : fields_(config, source), json_(config), source_(std::move(source)), device_(device) {
    layers_ = fields_.integer_or("num_hidden_layers", 0, 0, 4096);
  }

  const Json& config() const override { return json_; }
  std::string source() const override { return source_; }
  const GenerationConfig& generation() const override { return generation_; }
  std::vector<TensorInfo> tensors() const override { return {}; }

  /// Answers only whether a checkpoint of this config has the tensor.
  std::optional<StoredTensor> find(const std::string& name) const override {
    if (name.ends_with(".bias")) return has_bias(name) ? std::optional<StoredTensor>(StoredTensor{}) : std::nullopt;
    if (layer_of(name) >= layers_ && fields_.integer_or("num_nextn_predict_layers", 0, 0, 64) == 0) return {};
    if (name == "rope_freqs.weight" || name.ends_with(".k_b_proj.weight")) return {};  // of GGUF files
    return StoredTensor{};
  }

  StoredTensor get(const std::string& name, const Shape& asked) const override {
    asked_.push_back({name, asked, part_of(name, layers_)});
    if (name.ends_with(".tid2eid")) return {Tensor::zeros(device_, DType::I32, asked), {}};
    if (asked.rank() == 1 || name.ends_with(".ape")) return {Tensor::zeros(device_, DType::F32, asked), {}};
    static const std::byte kNowhere{};
    return {Tensor::wrap(device_, DType::BF16, asked, &kNowhere, nullptr), {}};
  }

  std::vector<ParameterShape> take_asked() { return std::move(asked_); }

 private:
  bool has_bias(std::string_view name) const {
    const auto is_one_of = [&](std::initializer_list<std::string_view> modules) {
      name.remove_suffix(std::string_view(".bias").size());
      return std::any_of(modules.begin(), modules.end(), [&](std::string_view m) { return name.ends_with(m); });
    };
    const std::string type = fields_.string_or("model_type", "");
    if (type == "qwen2") return is_one_of({".q_proj", ".k_proj", ".v_proj"});
    if (name.find(".mlp.") != name.npos)
      return fields_.boolean_or("mlp_bias", false) && is_one_of({".gate_proj", ".up_proj", ".down_proj"});
    if (!fields_.boolean_or("attention_bias", false)) return false;
    if (type.starts_with("deepseek")) return is_one_of({".q_a_proj", ".kv_a_proj_with_mqa", ".o_proj"});
    return is_one_of({".q_proj", ".k_proj", ".v_proj", ".o_proj"});
  }

  Fields fields_;
  const Json& json_;
  std::string source_;
  Device& device_;
  int layers_ = 0;
  GenerationConfig generation_;
  mutable std::vector<ParameterShape> asked_;
};

int64_t elements(const std::vector<ParameterShape>& parameters, Part part) {
  int64_t n = 0;
  for (const ParameterShape& p : parameters)
    if (p.part == part) n += p.shape.numel();
  return n;
}

}  // namespace

bool ModelShape::tied() const { return elements(parameters, Part::head) == 0; }

ModelShape model_shape(const Json& config, const std::string& source) {
  const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
  EmptyCheckpoint checkpoint(config, source, *device);
  const std::unique_ptr<Model> model = load_model(checkpoint, *device);
  ModelShape shape{model->info(), checkpoint.take_asked(), model->cache_planes()};
  if (const int64_t experts = elements(shape.parameters, Part::expert)) {
    const int64_t inactive =
        shape.info.parameters - shape.info.active_parameters - elements(shape.parameters, Part::mtp);
    shape.expert_share = 1 - static_cast<double>(inactive) / static_cast<double>(experts);
  }
  return shape;
}

}  // namespace dure

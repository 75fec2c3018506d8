#include "toolbox/gguf_plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "formats/gguf_names.h"

namespace dure {

GgufPlan::GgufPlan(const ModelShape& shape, const Fields& config)
    : model_(gguf_model(config, std::any_of(shape.parameters.begin(), shape.parameters.end(),
                                            [](const ParameterShape& p) { return p.part == Part::mtp; }))) {
  for (const ParameterShape& p : shape.parameters) uses_.push_back(place(p, config));
}

std::vector<DType> GgufPlan::types(const QuantType& type) const {
  QuantOptions options;
  options.type = type;
  const GgufModel& m = model_;
  return quant_mix(options, {m.architecture, m.layers, m.heads, m.kv_heads, m.experts}, tensors_);
}

size_t GgufPlan::tensor(const std::string& name, const Shape& shape) {
  const auto [it, fresh] = index_.emplace(name, tensors_.size());
  if (fresh) tensors_.push_back({name, shape, DType::F32});
  return it->second;
}

std::vector<GgufPlan::Use> GgufPlan::place(const ParameterShape& p, const Fields& config) {
  constexpr std::string_view kKvB = ".kv_b_proj.weight";
  if (p.name.ends_with(kKvB)) {  // two halves, in files since 2025
    const std::string stem = p.name.substr(0, p.name.size() - kKvB.size());
    const int64_t heads = model_.heads, rank = p.shape[1];
    const int64_t nope = config.integer("qk_nope_head_dim", 1, 1 << 24);
    return {{tensor(gguf_places(stem + ".k_b_proj.weight").at(0).name, {heads, rank, nope}), 1},
            {tensor(gguf_places(stem + ".v_b_proj.weight").at(0).name, {heads, p.shape[0] / heads - nope, rank}), 1}};
  }
  const std::vector<GgufPlace> places = gguf_places(p.name);
  require(!places.empty(), "{}: tensor {} has no place in a GGUF file", config.source(), quote(p.name));
  if (!places[0].expert) return {{tensor(places[0].name, p.shape), 1}};
  return {{tensor(places[0].name, {model_.experts, p.shape[0], p.shape[1]}), 1. / model_.experts}};
}

}  // namespace dure

#include "toolbox/stored_model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "toolbox/gguf_plan.h"

namespace dure {
namespace {

constexpr int64_t kTile = 128;  // FP8 scales are per 128 x 128 elements
constexpr std::string_view kKvB = ".kv_b_proj.weight";

bool is_matrix(const ParameterShape& p) { return p.shape.rank() == 2; }

double bytes_in(DType dtype, const Shape& shape) {
  return static_cast<double>(shape.numel() / shape.back() * row_bytes(dtype, shape.back()));
}

StoredModel without_types(const ModelShape& shape) {
  StoredModel m;
  m.info = shape.info;
  m.cache_planes = shape.cache_planes;
  m.expert_share = shape.expert_share;
  m.tied = shape.tied();
  return m;
}

void add(StoredModel& m, const ParameterShape& p, DType dtype, double bytes) {
  m.parameters.push_back({p, dtype, bytes});
  m.file_bytes += static_cast<int64_t>(std::llround(bytes));
}

DType torch_dtype(const Json& config, const std::string& source) {
  const Fields fields(config, source);
  const std::string name = fields.string_or("torch_dtype", fields.string_or("dtype", "bfloat16"));
  if (name == "float32") return DType::F32;
  if (name == "float16") return DType::F16;
  require(name == "bfloat16", "{}: field 'torch_dtype': expected bfloat16, float16 or float32, found {}", source,
          quote(name));
  return DType::BF16;
}

bool released_in_fp8(const Json& config, const std::string& source) {
  const Fields fields(config, source);
  const Json* quantization = fields.find("quantization_config");
  return quantization != nullptr && Fields(*quantization, source).string_or("quant_method", "") == "fp8";
}

bool experts_in_fp4(const Json& config, const std::string& source) {
  return Fields(config, source).string_or("expert_dtype", "") == "fp4";
}

/// DeepSeek-V4's matrices that have no `.weight` of their own (hyper-connections, positions of compressors) and those
/// of compressors and of the indexer's weights stay as they were.
bool stays_in_v4(std::string_view name) {
  const auto inside = [&](std::string_view text) { return name.find(text) != name.npos; };
  return !name.ends_with(".weight") || inside(".compressor.") || inside(".weights_proj.") || inside(".gate.");
}

/// Embedding, head, router and the MTP layer's own projection stay as they were.
bool becomes_fp8(const ParameterShape& p, bool v4) {
  const bool layer = p.part == Part::attention || p.part == Part::feed_forward || p.part == Part::expert ||
                     p.part == Part::shared_expert;
  const auto inside = [&](std::string_view text) { return p.name.find(text) != p.name.npos; };
  if (v4) return is_matrix(p) && (layer || p.part == Part::mtp) && !stays_in_v4(p.name);
  const bool mtp = p.part == Part::mtp && (inside("_proj.") && !inside(".eh_proj."));
  return is_matrix(p) && (layer || mtp);
}

/// Names, shapes and padding of the tensors, and the tokenizer: about 20 bytes for a token, its type and its merge.
int64_t gguf_head_bytes(size_t tensors, int vocab_size) {
  return 8192 + static_cast<int64_t>(tensors) * 96 + int64_t{vocab_size} * 40;
}

}  // namespace

std::map<DType, double> StoredModel::weight_bytes(double rows) const {
  std::map<DType, double> bytes;
  const double experts = 1 - std::pow(1 - expert_share, rows);
  for (const StoredParameter& p : parameters) {
    const Part part = p.parameter.part;
    if (part == Part::mtp || (part == Part::embedding && !tied)) continue;
    bytes[p.dtype] += p.bytes * (part == Part::expert ? experts : 1);
  }
  return bytes;
}

double StoredModel::total_weight_bytes(double rows) const {
  double sum = 0;
  for (const auto& [dtype, bytes] : weight_bytes(rows)) sum += bytes;
  return sum;
}

double StoredModel::operations() const {
  double products = 0;
  for (const StoredParameter& p : parameters) {
    const Part part = p.parameter.part;
    if (part == Part::mtp || part == Part::embedding || part == Part::head || !is_matrix(p.parameter)) continue;
    products += static_cast<double>(p.parameter.shape.numel()) * (part == Part::expert ? expert_share : 1);
  }
  return 2 * products;
}

double StoredModel::head_operations() const { return 2. * info.vocab_size * info.hidden_size; }

double StoredModel::attention_operations(double positions) const {
  return 2 * positions * static_cast<double>(info.attention_products);
}

StoredModel as_released(const ModelShape& shape, const Json& config) {
  const std::string source = "config";
  const DType plain = torch_dtype(config, source);
  const bool fp8 = released_in_fp8(config, source), fp4 = fp8 && experts_in_fp4(config, source);
  const bool v4 = shape.info.model_type == "deepseek_v4";
  StoredModel m = without_types(shape);
  m.type = fp4   ? "fp8 and mxfp4, as released"
           : fp8 ? "fp8, as released"
                 : fmt::format("{}, as released", plain == DType::F32   ? "f32"
                                                  : plain == DType::F16 ? "f16"
                                                                        : "bf16");
  for (const ParameterShape& p : shape.parameters) {
    if (!fp8 || !becomes_fp8(p, v4)) {
      add(m, p, plain, bytes_in(plain, p.shape));
    } else if (fp4 && p.name.find(".experts.") != p.name.npos) {
      add(m, p, DType::MXFP4, bytes_in(DType::MXFP4, p.shape));
    } else {
      const int64_t scales = (p.shape[0] + kTile - 1) / kTile * ((p.shape[1] + kTile - 1) / kTile);
      add(m, p, DType::F8_E4M3, static_cast<double>(p.shape.numel() + (v4 ? 1 : 4) * scales));
    }
  }
  return m;
}

StoredModel as_stored(const ModelShape& shape, const Checkpoint& checkpoint) {
  StoredModel m = without_types(shape);
  m.type = "as it is";
  for (const ParameterShape& p : shape.parameters) {
    std::vector<StoredTensor> tensors;
    if (std::optional<StoredTensor> found = checkpoint.find(p.name)) {
      tensors.push_back(*found);
    } else if (p.name.ends_with(kKvB)) {
      const std::string stem = p.name.substr(0, p.name.size() - kKvB.size());
      tensors = {checkpoint.get(stem + ".k_b_proj.weight"), checkpoint.get(stem + ".v_b_proj.weight")};
    } else {
      tensors.push_back(checkpoint.get(p.name));  // which names what is missing
    }
    double bytes = 0;
    for (const StoredTensor& t : tensors)
      bytes += static_cast<double>(t.data.bytes() + (t.scale.defined() ? t.scale.bytes() : 0));
    add(m, p, tensors.back().data.dtype(), bytes);
  }
  m.file_bytes = 0;
  for (const TensorInfo& t : checkpoint.tensors()) m.file_bytes += t.bytes;
  return m;
}

StoredModel as_quantised(const ModelShape& shape, const Json& config, const QuantType& type) {
  const GgufPlan plan(shape, Fields(config, "config"));
  const std::vector<DType> types = plan.types(type);
  StoredModel m = without_types(shape);
  m.type = type.name;
  for (size_t i = 0; i < shape.parameters.size(); ++i) {
    double bytes = 0;
    for (const GgufPlan::Use& use : plan.uses()[i])
      bytes += use.share * bytes_in(types[use.tensor], plan.tensors()[use.tensor].shape);
    m.parameters.push_back({shape.parameters[i], types[plan.uses()[i].back().tensor], bytes});
  }
  m.file_bytes = gguf_head_bytes(types.size(), shape.info.vocab_size);
  for (size_t i = 0; i < types.size(); ++i)
    m.file_bytes += static_cast<int64_t>(bytes_in(types[i], plan.tensors()[i].shape));
  return m;
}

}  // namespace dure

#include "toolbox/quant_mix.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/ascii.h"
#include "base/error.h"
#include "base/utf8.h"
#include "text/regex.h"

namespace dure {
namespace {

constexpr QuantType kTypes[] = {
    {"f32", DType::F32, 0},          {"bf16", DType::BF16, 32},     {"f16", DType::F16, 1},
    {"q8_0", DType::Q8_0, 7},        {"q6_k", DType::Q6_K, 18},     {"q5_1", DType::Q5_1, 9},
    {"q5_k_m", DType::Q5_K, 17},     {"q5_k_s", DType::Q5_K, 16},   {"q5_0", DType::Q5_0, 8},
    {"q4_1", DType::Q4_1, 3},        {"q4_k_m", DType::Q4_K, 15},   {"q4_k_s", DType::Q4_K, 14},
    {"q4_0", DType::Q4_0, 2},        {"iq4_nl", DType::IQ4_NL, 25}, {"q3_k_l", DType::Q3_K, 13},
    {"q3_k_m", DType::Q3_K, 12},     {"q3_k_s", DType::Q3_K, 11},   {"q2_k", DType::Q2_K, 10},
    {"mxfp4_moe", DType::MXFP4, 38},
};

bool quantised(DType dtype) { return info(dtype).block > 1; }

/// What a tensor does in the model.
enum class Role { embedding, output, attention_k, attention_v, attention_output, ffn_down, other };

Role role_of(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (name == "output.weight") return Role::output;
  if (name == "token_embd.weight") return Role::embedding;
  if (has("attn_v.weight") || has("attn_qkv.weight") || has("attn_kv_b.weight")) return Role::attention_v;
  if (has("attn_k.weight")) return Role::attention_k;
  if (has("attn_output.weight")) return Role::attention_output;
  if (has("ffn_down")) return Role::ffn_down;
  return Role::other;
}

/// Matrices are quantised, and stacks of them, but for the router: it is small, and an error there changes experts.
bool may_quantise(const QuantTensor& tensor) {
  int rank = tensor.shape.rank();  // outer dimensions of 1 do not count
  for (int d = 0; d < tensor.shape.rank() && tensor.shape[d] == 1; ++d) --rank;
  const std::string_view name = tensor.name;
  return rank >= 2 && name.ends_with("weight") && name.find("_norm.weight") == name.npos &&
         name.find("ffn_gate_inp.weight") == name.npos;
}

/// All experts of a layer in a stack. MLA's k_b and v_b are stacks too, but small, and every token reads them.
bool is_experts(std::string_view name) { return name.ends_with("_exps.weight"); }

/// N of "blk.N.x"; -1 if the tensor belongs to no layer.
int layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  int layer = -1;
  if (name.starts_with(kPrefix)) std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  return layer;
}

/// Rows of this many columns are not whole blocks of every type: the next larger type whose blocks fit.
DType fitting(DType dtype, int64_t columns) {
  if (columns % info(dtype).block == 0) return dtype;
  const DType smaller_blocks = dtype == DType::Q4_K   ? DType::Q5_0
                               : dtype == DType::Q5_K ? DType::Q5_1
                               : dtype == DType::Q6_K ? DType::Q8_0
                                                      : DType::Q4_0;
  return columns % info(smaller_blocks).block == 0 ? smaller_blocks : DType::F16;
}

/// The first and last eighth of the layers, and every third between them.
bool deserves_more(int layer, int layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

class Mixer {
 public:
  Mixer(const QuantOptions& options, const QuantModel& model, std::span<const QuantTensor> tensors)
      : options_(options), model_(model), type_(options.type.name), base_(options.type.base) {
    for (const TensorTypeRule& rule : options.rules) {
      require(is_utf8(rule.pattern), "tensor type {}: expected UTF-8", quote(rule.pattern));
      rules_.emplace_back(Regex({rule.pattern, true}, "tensor type"), rule.dtype);
    }
    for (const QuantTensor& tensor : tensors) {
      const Role role = role_of(tensor.name);
      values_ += role == Role::attention_v;
      tied_ = tied_ && role != Role::output;
    }
  }

  /// REQUIRES: called for every tensor once, layer by layer and by name within a layer: some choices count.
  DType choose(const QuantTensor& tensor) {
    if (!may_quantise(tensor)) return tensor.stored;
    const int64_t columns = tensor.shape.back();
    const Role role = role_of(tensor.name);
    if (role == Role::embedding && options_.embedding) return fitting(*options_.embedding, columns);
    if (role == Role::output && options_.output) return fitting(*options_.output, columns);
    if (!quantised(base_)) return base_;
    for (const auto& [pattern, dtype] : rules_)
      if (matches(pattern, tensor.name)) return fitting(dtype, columns);
    return fitting(mixed(tensor, role), columns);
  }

 private:
  bool is(std::initializer_list<std::string_view> types) const {
    return std::find(types.begin(), types.end(), type_) != types.end();
  }

  static bool matches(const Regex& pattern, std::string_view name) {
    std::vector<TextRange> found;
    pattern.find_all(sanitize_utf8(name), found);
    return !found.empty();
  }

  DType mixed(const QuantTensor& tensor, Role role) {
    if (type_ == "mxfp4_moe") return is_experts(tensor.name) ? DType::MXFP4 : DType::Q8_0;
    if (role == Role::output || (role == Role::embedding && tied_)) return output(tensor.shape.back());
    if (role == Role::attention_v) return attention_v(value_++);
    if (role == Role::attention_k && model_.experts == 8) return DType::Q8_0;  // small beside the experts
    if (role == Role::attention_output) return attention_output();
    if (role == Role::ffn_down) return ffn_down(layer_of_down(tensor.name));
    return base_;
  }

  DType output(int64_t columns) const {
    if (options_.output) return *options_.output;
    return base_ == DType::Q8_0 || columns % info(base_).block != 0 ? DType::Q8_0 : DType::Q6_K;
  }

  DType attention_v(int i) const {
    if (model_.experts == 8) return DType::Q8_0;
    const bool shared = model_.kv_heads > 0 && model_.heads / model_.kv_heads >= 4;  // few values for many queries
    DType dtype = base_;
    if (type_ == "q2_k") dtype = shared ? DType::Q4_K : DType::Q3_K;
    if (type_ == "q3_k_m") dtype = i < 2 ? DType::Q5_K : DType::Q4_K;
    if (type_ == "q3_k_l" || (type_ == "iq4_nl" && shared) || (type_ == "q4_k_s" && i < 4)) dtype = DType::Q5_K;
    if (is({"q4_k_m", "q5_k_m"}) && deserves_more(i, values_)) dtype = DType::Q6_K;
    const bool large = model_.layers == 80 && (model_.architecture == "qwen2" ||
                                               (model_.architecture == "llama" && model_.heads != model_.kv_heads));
    if (large && (dtype == DType::Q3_K || dtype == DType::Q4_K)) dtype = DType::Q5_K;  // 70B: 8 heads share one value
    return dtype;
  }

  DType attention_output() const {
    if (model_.experts == 8)
      return is({"q2_k", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m"}) ? DType::Q5_K : base_;
    return type_ == "q2_k" ? DType::Q3_K : type_ == "q3_k_m" ? DType::Q4_K : type_ == "q3_k_l" ? DType::Q5_K : base_;
  }

  /// The layer by name in a model with experts; counted in one without.
  int layer_of_down(std::string_view name) {
    const int counted = down_++;
    if (model_.experts <= 1) return counted;
    const int layer = layer_of(name);
    require(layer >= 0 && layer < model_.layers, "tensor {}: expected a layer below {}", quote(name), model_.layers);
    return layer;
  }

  DType ffn_down(int layer) const {
    const int layers = model_.layers;
    const bool early = layer < layers / 8;
    if (type_ == "q2_k") return DType::Q3_K;
    if (type_ == "q3_k_m") return layer < layers / 16 ? DType::Q5_K : DType::Q4_K;
    if (type_ == "q3_k_l") return DType::Q5_K;
    if (is({"q4_k_m", "q5_k_m"}) && deserves_more(layer, layers)) return DType::Q6_K;
    if (early && (type_ == "q4_k_s" || (type_ == "iq4_nl" && !options_.importance))) return DType::Q5_K;
    if (early && options_.importance && type_ == "q4_0") return DType::Q4_1;
    if (early && options_.importance && type_ == "q5_0") return DType::Q5_1;
    return base_;
  }

  const QuantOptions& options_;
  const QuantModel& model_;
  std::string_view type_;
  DType base_;
  std::vector<std::pair<Regex, DType>> rules_;
  int values_ = 0;            // tensors of attention values in the model
  int value_ = 0, down_ = 0;  // those seen so far
  bool tied_ = true;          // no output.weight: the embedding is the output matrix too
};

}  // namespace

std::span<const QuantType> quant_types() { return kTypes; }

const QuantType& find_quant_type(std::string_view name) {
  std::string wanted = ascii_lower(name);
  if (wanted == "q3_k" || wanted == "q4_k" || wanted == "q5_k") wanted += "_m";
  std::vector<std::string_view> names;
  for (const QuantType& type : kTypes) {
    if (type.name == wanted) return type;
    names.push_back(type.name);
  }
  fail("type {}: expected one of {}", quote(name), fmt::join(names, ", "));
}

DType parse_weight_type(std::string_view name) {
  const std::string wanted = ascii_lower(name);
  std::vector<std::string> names;
  for (int i = 0; i < kDTypes; ++i) {
    const DTypeInfo& type = info(static_cast<DType>(i));
    if (!type.weight || type.dtype == DType::F8_E4M3) continue;
    names.push_back(ascii_lower(type.name));
    if (names.back() == wanted) return type.dtype;
  }
  fail("tensor type {}: expected one of {}", quote(name), fmt::join(names, ", "));
}

TensorTypeRule parse_tensor_type_rule(std::string_view text) {
  const size_t sign = text.rfind('=');  // a pattern may have one too: (?=x)
  require(sign != text.npos && sign > 0 && sign + 1 < text.size(), "tensor type {}: expected PATTERN=TYPE",
          quote(text));
  return {ascii_lower(text.substr(0, sign)), parse_weight_type(text.substr(sign + 1))};
}

std::vector<DType> quant_mix(const QuantOptions& options, const QuantModel& model,
                             std::span<const QuantTensor> tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const std::string &left = tensors[a].name, &right = tensors[b].name;
    return std::pair(layer_of(left), std::string_view(left)) < std::pair(layer_of(right), std::string_view(right));
  });
  Mixer mixer(options, model, tensors);
  std::vector<DType> chosen(tensors.size());
  for (const size_t i : order) chosen[i] = mixer.choose(tensors[i]);
  return chosen;
}

}  // namespace dure

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace dure {

// Which dtype each tensor of a quantised GGUF file gets. Types and mixes are those of llama.cpp (src/llama-quant.cpp),
// so that a file of a given name has the size and quality that people know from elsewhere. Names and shapes decide; no
// data are needed, so a plan can be made before anything is downloaded.

/// A type that a model can be quantised to. Those with a letter at the end are mixes: most tensors get `base`, a few
/// that matter more get more bits.
struct QuantType {
  std::string_view name;  ///< "q4_k_m"
  DType base;
  uint32_t file_type;  ///< general.file_type of the file
};

/// All of them, largest files first.
std::span<const QuantType> quant_types();

/// By name, in any case; "q3_k", "q4_k" and "q5_k" mean the _m mix. Throws Error listing the types if there is none.
const QuantType& find_quant_type(std::string_view name);

/// What the choice depends on beside the tensors; metadata of the GGUF file.
struct QuantModel {
  std::string architecture;  ///< general.architecture: "llama", "deepseek2"
  int layers = 0;            ///< block_count, MTP layers included
  int heads = 0, kv_heads = 0;
  int experts = 0;
};

/// Tensors whose name has a match of `pattern` (a regular expression) get `dtype`. Written PATTERN=TYPE.
struct TensorTypeRule {
  std::string pattern;
  DType dtype;
};

/// Throws Error if it is not PATTERN=TYPE, or the type is not a float or quantised one that GGUF has. As llama-quantize
/// does, the pattern is made lower-case, as names of tensors are.
TensorTypeRule parse_tensor_type_rule(std::string_view text);

/// "q6_k" -> Q6_K. Throws Error unless it is a float or quantised type that GGUF has.
DType parse_weight_type(std::string_view name);

struct QuantOptions {
  QuantType type;
  std::vector<TensorTypeRule> rules;  ///< the first that matches counts; only where the type itself is quantised
  std::optional<DType> output;        ///< of output.weight, or of the embedding that stands in for it
  std::optional<DType> embedding;     ///< of token_embd.weight
  bool importance = false;            ///< there is an importance matrix: fewer extra bits are needed
};

struct QuantTensor {
  std::string name;  ///< in the GGUF file
  Shape shape;       ///< outermost first
  DType stored;      ///< what it keeps if it is not to be quantised: vectors, norms, routers
};

/// The dtype of each tensor, in their order. The order does not matter to the choice.
/// Throws Error for a pattern that is no regular expression or a tensor of a layer that the model does not have.
std::vector<DType> quant_mix(const QuantOptions& options, const QuantModel& model,
                             std::span<const QuantTensor> tensors);

}  // namespace dure

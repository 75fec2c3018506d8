#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "formats/module_pattern.h"

namespace dure {

/// Some modules of a model, as PEFT lets one name them: by the ends of their paths, or by a regular expression.
struct ModuleSet {
  std::vector<std::string> names;  ///< whole paths or what follows a dot in them
  std::optional<ModulePattern> pattern;

  bool contains(std::string_view path) const;
};

/// adapter_config.json of a LoRA adapter (Hu et al., 2021) as PEFT writes it; docs/formats/peft.md has the fields.
struct PeftConfig {
  std::string source;  ///< its path, for messages
  int r = 8;
  double lora_alpha = 8;
  bool use_rslora = false;  ///< rank-stabilised scaling (Kalajdzievski, 2023)
  bool all_linear = false;  ///< target_modules is "all-linear": every linear layer but the output head
  ModuleSet target_modules, exclude_modules;
  std::vector<int> layers_to_transform;  ///< empty: all
  std::vector<ModulePattern> layers_pattern;
  std::vector<std::pair<ModulePattern, int>> rank_pattern;
  std::vector<std::pair<ModulePattern, double>> alpha_pattern;

  /// Whether the adapter has a part for the linear layer of this path: "model.layers.0.self_attn.q_proj".
  bool targets(std::string_view module) const;
  int rank(std::string_view module) const;
  /// What the product of the two matrices is multiplied with: alpha / rank, or alpha / sqrt(rank).
  double scaling(std::string_view module) const;
};

/// Throws Error naming the field if one is missing or out of range, or asks for what is not plain LoRA on linear layers
/// (DoRA, biases, whole modules, embeddings, initialisations that change the base).
PeftConfig parse_peft_config(const Json& json, const std::string& source);

}  // namespace dure

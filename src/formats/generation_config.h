#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// What the publishers of a model recommend for sampling from it. Unset: they say nothing.
struct GenerationConfig {
  std::optional<int> bos_token_id;
  std::vector<int> eos_token_ids;  ///< any of them ends the text
  std::optional<bool> do_sample;   ///< false: greedy
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<int> top_k;
};

/// Reads the fields of generation_config.json, or of config.json, which has bos_token_id and eos_token_id too.
/// Throws Error naming `source` and the field.
GenerationConfig parse_generation_config(const Json& json, const std::string& source);

}  // namespace dure

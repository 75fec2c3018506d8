#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "sampling/params.h"

namespace dure {

/// What a user chooses about answers.
struct Settings {
  SamplingParams sampling;
  std::vector<std::string> stop;
  std::optional<bool> thinking;  ///< what templates are told; none: they decide
};

/// The settings by their names in SamplingParams, and "stop", as a JSON object in the order of a list for readers;
/// null: not set. Token ids and logit_bias are not among them.
Json settings_json(const Settings& settings);

/// Changes one of them; null takes an optional one back.
/// Throws Error, and changes nothing, if there is no such setting or the value is of the wrong type or out of range.
void change_setting(Settings& settings, std::string_view name, const Json& value, int vocab_size);

/// A value as typed: a number, a JSON string or array, "none" for null; anything else is a string.
Json setting_value(std::string_view text);

}  // namespace dure

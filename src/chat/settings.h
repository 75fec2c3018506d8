#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "chat/sampling_overrides.h"

namespace dure {

/// What a user chooses about answers.
struct Settings {
  SamplingParams sampling;
  std::vector<std::string> stop;
  std::optional<bool> thinking;  ///< what templates are told; none: they decide

  bool only_chosen = false;           ///< the rest is not known here: a server's
  std::set<std::string> chosen = {};  ///< names that were given a value
};

/// Those of somebody who talks with a server: what they did not choose is the server's.
Settings chosen_settings(const SamplingOverrides& sampling, std::vector<std::string> stop);

/// The settings, as far as they are known, by their names in SamplingParams, and "stop", as a JSON object in the order
/// of a list for readers; null: not set. Token ids and logit_bias are not among them.
Json settings_json(const Settings& settings);

/// Changes one of them; null takes an optional one back.
/// Throws Error, and changes nothing, if there is no such setting or the value is of the wrong type or out of range.
void change_setting(Settings& settings, std::string_view name, const Json& value, int vocab_size);

/// What chat templates are told of `thinking`: {"enable_thinking", "thinking"}, or nothing.
Json thinking_flags(std::optional<bool> thinking);

/// A value as typed: a number, a JSON string or array, "none" for null; anything else is a string.
Json setting_value(std::string_view text);

}  // namespace dure

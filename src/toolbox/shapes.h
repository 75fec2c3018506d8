#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// Names of the published models whose configs the program knows, so that plans need no download.
std::vector<std::string> shape_names();

/// The config.json of that model, as far as it shapes the model: "deepseek-v2-lite". Any case; `r1-distill-` may stand
/// with `deepseek-` before it. Throws Error listing the names if it is none of them.
Json shape_config(std::string_view name);

}  // namespace dure

#pragma once

#include "models/decoder.h"

namespace dure {

/// DeepSeek-V4 (Flash, Pro): hyper-connected streams, compressed sparse attention, a mixture of experts whose first
/// layers route by token id, one layer of multi-token prediction. docs/models/deepseek-v4.md is the specification.
std::unique_ptr<Model> load_deepseek_v4(const Fields& config, Loader& load);

}  // namespace dure

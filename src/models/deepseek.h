#pragma once

#include "models/decoder.h"

namespace dure {

/// DeepSeek-V2, V2-Lite, V2.5, V3, R1 and V3.1: latent attention, fine-grained mixture of experts, and (V3) one layer
/// of multi-token prediction. docs/models/deepseek.md is the specification.
std::unique_ptr<Model> load_deepseek(const Fields& config, Loader& load);

}  // namespace dure

#pragma once

#include "models/decoder.h"

namespace dure {

/// The dense and mixture decoders with grouped-query attention: Llama 2 and 3, Qwen2 (and the R1 distills), Qwen3,
/// Qwen3-MoE. They differ in what their checkpoints hold (biases, q and k norms) and in which layers are mixtures.
std::unique_ptr<Model> load_llama(const Fields& config, Loader& load);
std::unique_ptr<Model> load_qwen3_moe(const Fields& config, Loader& load);

}  // namespace dure

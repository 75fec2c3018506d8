#pragma once

#include <memory>

#include "text/prompt_renderer.h"

namespace dure {

/// DeepSeek-V3.2: DSML block `function_calls`; tool results stand in a `<function_results>` block of their own after
/// the assistant's turn, and reasoning may go on behind it.
std::unique_ptr<PromptRenderer> make_deepseek_v32_encoding();

}  // namespace dure

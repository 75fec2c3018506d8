#pragma once

#include <memory>

#include "text/prompt_renderer.h"

namespace dure {

/// DeepSeek-V4: DSML tags `tool_calls`, `invoke`, `parameter`; `reasoning_effort` "max" adds a text, "high" none.
std::unique_ptr<PromptRenderer> make_deepseek_v4_encoding();

/// The V4 Flash of July 31: V4's "max" text stands for "high", and "max" has one of its own.
std::unique_ptr<PromptRenderer> make_deepseek_v4_0731_encoding();

}  // namespace dure

#pragma once

#include <memory>

#include "text/prompt_renderer.h"

namespace dure {

/// DeepSeek-V4.1: V4 with a system token, tags that begin with a blank (` calls`, ` invoke`, ` parameter`), and a
/// reasoning effort from 1 to 100 in every thinking prompt ("low" 50, "high" 75, "max" 100; 75 if none is asked for).
/// Thinking is on by default.
std::unique_ptr<PromptRenderer> make_deepseek_v41_encoding();

}  // namespace dure

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/prompt_renderer.h"

namespace dure {

/// The prompt encoding of a model that ships no chat template; see docs/formats/prompt-encodings.md.
///
/// Names: "deepseek-v3.2", "deepseek-v4", "deepseek-v4-0731" (the refresh of V4 Flash: other effort texts) and
/// "deepseek-v4.1". Throws Error for another name, listing these.
///
/// The context is a chat template's: `messages` (roles system, developer, user, assistant, tool, latest_reminder),
/// `tools`, `tool_choice`, `add_generation_prompt` (default true), `drop_thinking` (default true), `reasoning_effort`,
/// and for thinking one of `thinking_mode` ("chat" or "thinking"), `thinking` (a flag, or {"type": "enabled"}) and
/// `enable_thinking`. Tools may also stand on a system or developer message.
std::unique_ptr<PromptRenderer> make_encoding(std::string_view name);

}  // namespace dure

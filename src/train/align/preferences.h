#pragma once

#include <filesystem>
#include <vector>

#include "text/prompt_renderer.h"
#include "text/tokenizer.h"
#include "train/align/dpo.h"

namespace dure {

/// Preferences of a JSON Lines file: `prompt`, a text or a list of messages, `chosen` and `rejected`, a text or a
/// message or a list of one. They become what a model meets through its chat template; "<think>A</think>B" is A and B.
/// Throws Error naming FILE:LINE and what was expected.
std::vector<PreferencePair> read_preferences(const std::filesystem::path& path, const PromptRenderer& renderer,
                                             const Tokenizer& tokenizer);

}  // namespace dure

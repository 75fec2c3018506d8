#pragma once

#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace dure {

/// The prompt that asks for what stands between two texts, in the control tokens that the model was trained with:
/// DeepSeek's, or those that Qwen and StarCoder share. Empty if the tokenizer has none of them.
std::vector<int> infill_prompt(const Tokenizer& tokenizer, std::string_view before, std::string_view after);

}  // namespace dure

#pragma once

#include <string_view>

#include "sampling/grammar/rule.h"
#include "text/tokenizer.h"
#include "text/tools/tool_format.h"

namespace dure {

/// A text of the format itself: what the vocabulary has a token for must be that token, the rest is spelled.
grammar::RulePtr markup_rule(const ToolFormat& format, std::string_view text, const Tokenizer& tokenizer);

}  // namespace dure

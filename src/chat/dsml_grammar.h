#pragma once

#include "base/json_fwd.h"
#include "sampling/grammar/rule.h"
#include "text/tokenizer.h"
#include "text/tools/tool_format.h"

namespace dure {

/// The parameters of an invoke whose arguments a schema accepts, each with its line break, in the schema's order;
/// properties that are not listed are left out. Plain strings are raw text, other values JSON.
/// Throws Error naming the keyword if the schema is not an object's or has what cannot be kept exactly.
grammar::RulePtr dsml_parameters_rule(const ToolFormat& format, const Json& schema, const Tokenizer& tokenizer);

/// Any parameters at all.
grammar::RulePtr dsml_any_parameters_rule(const ToolFormat& format, const Tokenizer& tokenizer);

}  // namespace dure

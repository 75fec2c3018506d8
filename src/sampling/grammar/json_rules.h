#pragma once

#include <vector>

#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

/// What may stand between two tokens of JSON: nothing, a space or, where lines may break, a line break and indentation.
RulePtr json_space(JsonSpacing spacing, bool line_break);

RulePtr json_string(Text text);  ///< with its quotes

/// Definitions of a scope for JSON of any shape, at these indices.
enum JsonDefinition : int { kJsonValue, kJsonObject, kJsonArray, kJsonString, kJsonNumber, kJsonDefinitions };
std::vector<RulePtr> json_definitions(JsonSpacing spacing);

}  // namespace dure::grammar

#pragma once

#include <optional>
#include <string_view>

#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

/// The strings that a `format` of JSON Schema means; none for a name that the specification does not know, which means
/// nothing. Throws Error for one that it knows and we do not.
std::optional<Text> string_format(std::string_view name);

}  // namespace dure::grammar

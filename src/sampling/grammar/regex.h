#pragma once

#include <string_view>

#include "sampling/grammar/rule_node.h"

namespace dure::grammar {

/// Whether the whole string must match or, as JSON Schema's `pattern` has it, a part of it.
enum class Match : uint8_t { whole, part };

/// The strings that a pattern matches, raw. A pattern that is one repeated character class keeps its bounds as the
/// text's; every other repetition becomes states. Throws Error as regex() does.
Text regex_language(std::string_view pattern, Match match);

}  // namespace dure::grammar

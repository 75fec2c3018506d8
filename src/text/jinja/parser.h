#pragma once

#include <string_view>

#include "text/jinja/ast.h"

namespace dure::jinja {

/// The longest template that is accepted, and the deepest nesting of its expressions and of its blocks.
constexpr size_t kMaxSource = size_t{4} << 20;
constexpr int kMaxHeight = 400;
constexpr int kMaxNesting = 100;

/// Parses a template. Throws Error("line N: ...").
Body parse(std::string_view source);

}  // namespace dure::jinja

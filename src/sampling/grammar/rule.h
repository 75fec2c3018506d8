#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"

namespace dure::grammar {

/// A language of byte strings, and of tokens that no bytes can spell. Immutable; share freely.
class Rule;
using RulePtr = std::shared_ptr<const Rule>;

constexpr int kUnbounded = std::numeric_limits<int>::max();

RulePtr literal(std::string bytes);
/// One token by its id: the only way to allow a control token, which the bytes of its name do not match.
RulePtr token(int id);
RulePtr sequence(std::vector<RulePtr> parts);
RulePtr choice(std::vector<RulePtr> ways);  ///< at least one of them
RulePtr repeat(RulePtr rule, int min = 0, int max = kUnbounded);
RulePtr optional(RulePtr rule);
/// Any valid UTF-8 that does not contain `end`, and then `end`.
RulePtr text_until(std::string end);

/// The whole string matches. Patterns as in ECMA 262 with the flag u, but for look-around and back references.
/// Throws Error naming the pattern and what is not supported.
RulePtr regex(std::string_view pattern);

/// A grammar in the notation of llama.cpp's GBNF; its start rule is `root`. Throws Error with line and column.
RulePtr gbnf(std::string_view text);

/// How JSON is written: as compact as it may be, or as models like to write it, with at most one space or one line
/// break and indentation between tokens.
enum class JsonSpacing : uint8_t { compact, free };

/// Any JSON object.
RulePtr json_object(JsonSpacing spacing = JsonSpacing::free);
/// The JSON texts of values that a schema (2020-12, and draft-07 where they differ in spelling only) accepts, their
/// properties in the schema's order. Throws Error naming the keyword and its JSON pointer for what cannot be kept
/// exactly: a schema is never weakened.
RulePtr json_schema(const Json& schema, JsonSpacing spacing = JsonSpacing::free);

}  // namespace dure::grammar

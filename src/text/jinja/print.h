#pragma once

#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace dure::jinja {

/// Python's str(): what `{{ value }}` prints. Undefined prints as nothing.
MarkedText to_text(const Value& value);

/// Python's repr(), as it appears within a printed list.
MarkedText to_repr(const Value& value);

/// Python's repr of a float: the shortest digits that read back, always with a point or an exponent.
std::string format_float(double value);

struct JsonStyle {
  int indent = -1;  ///< < 0: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ensure_ascii = false;
  bool sort_keys = false;
};

/// Python's json.dumps(value, ensure_ascii=False). Punctuation is trusted text, strings keep their marks.
/// Throws Error on a value that JSON lacks.
MarkedText to_json(const Value& value, const JsonStyle& style = {});

}  // namespace dure::jinja

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_fwd.h"

namespace dure {

/// Parses one JSON document (UTF-8). `source` names it in errors: a path, or "request body".
/// Refuses nesting deeper than 256 and documents whose tree would take far more memory than their text.
/// Throws Error with the source, the byte offset and what was wrong.
Json parse_json(std::string_view text, std::string_view source);

/// Serialises without escaping non-ASCII text; bytes that are not UTF-8 become U+FFFD. indent < 0: one line.
std::string dump_json(const Json& json, int indent = -1);

/// Typed access to the fields of one JSON object, with errors that name the file and the field.
class Fields {
 public:
  /// REQUIRES: `object` and `source` outlive this. Throws if the document is not an object.
  Fields(const Json& object, std::string source);

  bool has(std::string_view key) const;  ///< present and not null
  const Json* find(std::string_view key) const;
  int integer(std::string_view key, int min, int max) const;
  int integer_or(std::string_view key, int fallback, int min, int max) const;
  double number(std::string_view key) const;
  double number_or(std::string_view key, double fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string string(std::string_view key) const;
  std::string string_or(std::string_view key, std::string_view fallback) const;
  const std::string& source() const { return source_; }

 private:
  const Json& need(std::string_view key) const;

  const Json& object_;
  std::string source_;
};

}  // namespace dure

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::jinja {

struct Token {
  enum Kind : uint8_t {
    kData,
    kBlockBegin,
    kBlockEnd,
    kPrintBegin,
    kPrintEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd
  };
  Kind kind;
  int line;
  std::string text;  ///< data and strings: the decoded text; otherwise as written

  bool is(std::string_view op) const { return kind == kOperator && text == op; }
  bool is_name(std::string_view name) const { return kind == kName && text == name; }
};

/// Splits a template with trim_blocks and lstrip_blocks on: a newline after `%}` or `#}` goes, blanks before `{%` or
/// `{#` on their line go, `-` takes all white space on its side and `+` none. One newline at the end of the template is
/// dropped. The last token is kEnd. Throws Error("line N: ...").
std::vector<Token> tokenize(std::string_view source);

}  // namespace dure::jinja

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/tokenizer_spec.h"

namespace dure {

struct RegexCode;  // a compiled PCRE2 pattern

/// Half-open byte range.
struct TextRange {
  size_t begin = 0, end = 0;
};

/// A pattern of a tokenizer step, compiled once (PCRE2 with JIT) and used by any number of threads.
/// Semantics are those of Hugging Face's tokenizers: all matches from left to right, an empty match not directly after
/// another match. Matching is bounded: a pattern that backtracks beyond the limit throws Error.
class Regex {
 public:
  /// Throws Error, naming `source` and the offset, if the pattern does not compile.
  Regex(const TextPattern& pattern, std::string_view source);
  ~Regex();
  Regex(Regex&&) noexcept;

  /// Appends all matches in `text` to `out`. REQUIRES: text is valid UTF-8.
  void find_all(std::string_view text, std::vector<TextRange>& out) const;

  /// `text` with every match replaced by `content`, taken literally.
  std::string replace_all(std::string_view text, std::string_view content) const;

 private:
  std::unique_ptr<RegexCode> code_;
  std::string literal_;              // the pattern if it is no regular expression
  bool is_line_end_spaces_ = false;  // \s+$, which backtracking would make quadratic
  std::string source_;
};

}  // namespace dure

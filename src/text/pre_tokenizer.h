#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/regex.h"

namespace dure {

/// Cuts normalised text into the pieces that byte-pair encoding may not merge across.
class PreTokenizer {
 public:
  /// Throws Error if a pattern does not compile.
  explicit PreTokenizer(const TokenizerSpec& spec);

  /// Whether the pieces are bytes to be encoded byte by byte: true if the last step is ByteLevel, whose detour through
  /// the printable alphabet is then left to the vocabulary.
  bool ends_in_bytes() const { return ends_in_bytes_; }

  struct Pieces {
    std::vector<std::string_view> views;  // none is empty
    std::deque<std::string> rewritten;    // what views point into where a step changed the text
  };

  /// The pieces of `text`, which must outlive them. `at_start`: no part of the input lies before `text`.
  /// REQUIRES: text is valid UTF-8.
  Pieces operator()(std::string_view text, bool at_start) const;

 private:
  struct Step {
    pre_tokenizers::Step rule;
    std::optional<Regex> pattern;
  };
  std::vector<Step> steps_;
  bool ends_in_bytes_ = false;
};

/// The pieces of `text` given all `matches` of a delimiter. Exposed for tests.
void split(std::string_view text, const std::vector<TextRange>& matches, pre_tokenizers::Behavior behavior, bool invert,
           std::vector<std::string_view>& out);

}  // namespace dure

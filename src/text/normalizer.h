#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/regex.h"

namespace dure {

/// The normalizer steps of a tokenizer, in order.
class Normalizer {
 public:
  /// Throws Error if a pattern does not compile.
  explicit Normalizer(const TokenizerSpec& spec);

  bool is_identity() const { return steps_.empty(); }

  /// REQUIRES: text is valid UTF-8. `at_start` is false for the continuation of a text that was cut: nothing is
  /// prepended to it.
  std::string operator()(std::string_view text, bool at_start = true) const;

 private:
  struct Step {
    normalizers::Step rule;
    std::optional<Regex> pattern;  // of a Replace
  };
  std::vector<Step> steps_;
};

}  // namespace dure

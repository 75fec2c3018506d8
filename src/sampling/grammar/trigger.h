#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/grammar/token_trie.h"

namespace dure {

/// Which tokens of a vocabulary can complete a text and go on behind it. Immutable; share between threads.
class TriggerTokens {
 public:
  TriggerTokens(std::string text, const TokenTrie& trie);

  const std::string& text() const { return text_; }
  /// How much of the beginning of the text has been read after one more byte, if `matched` (less than all) was before.
  int next(int matched, char byte) const;
  /// Bytes of a token up to where the text is complete for the first time; -1 if it is not.
  int completes(int matched, std::string_view token) const;
  /// Tokens that may do so before their end.
  std::span<const int> tokens() const { return tokens_; }

 private:
  std::string text_;
  std::vector<int> border_;  ///< of each beginning of the text: the longest end of it that is a beginning too
  std::vector<int> tokens_;
};

}  // namespace dure

#include "sampling/grammar/trigger.h"

#include <algorithm>

namespace dure {

TriggerTokens::TriggerTokens(std::string text, const TokenTrie& trie)
    : text_(std::move(text)), border_(text_.size() + 1) {
  for (size_t i = 1; i < text_.size(); ++i) border_[i + 1] = next(border_[i], text_[i]);
  for (const int id : trie.ordered_tokens()) {
    // The text, or an end of it, stands in the token before its last byte.
    const std::string_view token = trie.bytes(id);
    for (size_t end = 1; end < token.size(); ++end) {
      const size_t length = std::min(end, text_.size());
      if (token[end - 1] != text_.back() || token.substr(end - length, length) != text_.substr(text_.size() - length))
        continue;
      tokens_.push_back(id);
      break;
    }
  }
}

int TriggerTokens::next(int matched, char byte) const {
  while (matched > 0 && text_[size_t(matched)] != byte) matched = border_[size_t(matched)];
  return text_[size_t(matched)] == byte ? matched + 1 : 0;
}

int TriggerTokens::completes(int matched, std::string_view token) const {
  for (size_t i = 0; i < token.size(); ++i) {
    matched = next(matched, token[i]);
    if (size_t(matched) == text_.size()) return int(i) + 1;
  }
  return -1;
}

}  // namespace dure

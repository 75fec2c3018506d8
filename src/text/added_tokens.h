#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/regex.h"

namespace dure {

/// Finds added tokens in a text: at each place the longest, from left to right.
class AddedTokens {
 public:
  /// Adds a token that is written `text` (its content, or that normalised). REQUIRES: `token` outlives this.
  void add(const AddedToken& token, std::string_view text);
  bool empty() const { return tokens_.empty(); }

  struct Part {
    TextRange range;
    int id;  // of the token there, or -1 for text
  };

  /// Cuts `text` into tokens and the text between them. Control tokens are not recognised where they touch a range of
  /// `plain` (sorted, disjoint).
  std::vector<Part> find(std::string_view text, const std::vector<TextRange>& plain) const;

 private:
  struct Entry {
    const AddedToken* token;
    bool is_control;
  };
  struct Match {
    int entry = -1;
    size_t end = 0;
  };
  template <class Allowed>
  Match longest_at(std::string_view text, size_t begin, Allowed allowed) const;

  std::vector<Entry> tokens_;
  std::unordered_map<uint64_t, int> edges_;  // a trie: node << 8 | byte -> node; the root is 0
  std::vector<int> entry_at_;                // node -> index into tokens_, -1 none
  bool starts_[256] = {};                    // bytes that begin a token
};

/// Whether a token steers the model rather than stands for text: special ones and those in brackets or bars, which many
/// files do not mark special ("<｜User｜>", "<think>", "[INST]"). In a user's own words they are plain text.
bool is_control_token(const AddedToken& token);

}  // namespace dure

#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tokenizer_spec.h"

namespace dure {

/// Looks up tokens by their text while a vocabulary is being read. Keys point into `tokens`, which must outlive it.
class TokenIndex {
 public:
  explicit TokenIndex(const std::vector<std::string>& tokens);
  /// The id, or -1.
  int find(std::string_view token) const;

 private:
  std::unordered_map<std::string_view, int> ids_;
};

/// The merge of `left` and `right` into the token written as both.
/// Throws Error, naming `source` and the merge, if one of the three is not in the vocabulary.
Merge resolve_merge(std::string_view left, std::string_view right, size_t rank, const TokenIndex& index,
                    std::string_view source);

/// Merges of a SentencePiece BPE vocabulary, which has scores instead (sentencepiece bpe_model.cc): a token arises from
/// every pair of tokens that spells it, a higher score first, the leftmost pair of equal scores first. `mergeable` says
/// which ids are ordinary pieces: bytes and control tokens neither arise nor take part.
std::vector<Merge> merges_from_scores(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                                      const std::vector<bool>& mergeable);

/// The normalizer and decoder of Llama-2's tokenizer and its relatives: spaces become U+2581, one is put in front of
/// the text (`add_prefix`) and taken away again after decoding; bytes stand in for characters without token.
void use_sentencepiece_steps(bool add_prefix, TokenizerSpec& spec);

}  // namespace dure

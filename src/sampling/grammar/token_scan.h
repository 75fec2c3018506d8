#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sampling/grammar/recognizer.h"
#include "sampling/grammar/token_trie.h"

namespace dure::grammar {

/// A set of tokens: words of bits, as masks have them, or ids if there are few.
class TokenSet {
 public:
  TokenSet() = default;
  TokenSet(std::vector<int> ids, int vocab_size);
  void add_to(std::vector<uint64_t>& mask) const;
  size_t bytes() const { return words_.size() * sizeof(uint64_t) + ids_.size() * sizeof(int); }

 private:
  std::vector<uint64_t> words_;
  std::vector<int> ids_;
};

/// Tokens that leave a machine midway: what their bytes behind its end are, as a tree, for the callers to judge.
struct TokenExits {
  struct Node {
    uint8_t byte;
    uint16_t depth;
    uint32_t end;          ///< behind the last node below this one
    uint32_t first_token;  ///< the next node's is behind the last one
  };
  struct Token {
    int id;
    int count;  ///< counted steps before it left
  };
  std::vector<Node> nodes;  ///< each before its children; one more behind the last
  std::vector<Token> tokens;
};

/// Which tokens a machine in some state may read, whoever called it.
struct TokenScan {
  std::vector<int> ids;    ///< tokens that end within the machine or just at its end, by what they need
  std::vector<int> needs;  ///< of each: counted steps in it, and those that must follow
  std::shared_ptr<const TokenExits> exits;
};

/// Tries all tokens. `recognizer`: of the grammar; it may forget what it knew.
TokenScan scan_tokens(Recognizer& recognizer, const TokenTrie& trie, int state, int count);
/// The same for a machine that reads nothing but bytes, in a tenth of the time, and for all counts at once.
TokenScan scan_tokens_of_leaf(const CompiledGrammar& grammar, const TokenTrie& trie, int state);

}  // namespace dure::grammar

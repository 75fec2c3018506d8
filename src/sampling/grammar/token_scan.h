#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
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
  TokenSet all;  ///< tokens that end within the machine or just at its end, whatever its counter allows
  /// Of a leaf with a counter the same, by what they need: counted steps in the token, and those that must follow.
  std::vector<int> ids, needs;
  std::shared_ptr<const TokenExits> exits;
  size_t bytes() const;
};

/// Tries all tokens. `recognizer`: of the grammar; it may forget what it knew.
TokenScan scan_tokens(Recognizer& recognizer, const TokenTrie& trie, int state, int count);
/// The same for a machine that reads nothing but bytes, in a tenth of the time, and for all counts at once.
TokenScan scan_tokens_of_leaf(const CompiledGrammar& grammar, const TokenTrie& trie, int state);

/// Scans of leaves, which are the same in every grammar that has an equal automaton, such as that of JSON's strings.
/// Keeps those that were used last, 64 MiB of them. Thread-safe.
class LeafScans {
 public:
  std::shared_ptr<const TokenScan> get(const CompiledGrammar& grammar, const TokenTrie& trie, int state);

 private:
  struct Key {
    std::string machine;
    int row;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const { return std::hash<std::string>()(k.machine) + size_t(k.row) * 0x9E3779B9; }
  };
  using Item = std::pair<const Key, std::shared_ptr<const TokenScan>>;

  std::mutex mutex_;
  std::list<Item> recent_;  ///< the one used last is the first
  std::unordered_map<Key, std::list<Item>::iterator, Hash> index_;
  size_t bytes_ = 0;
};

}  // namespace dure::grammar

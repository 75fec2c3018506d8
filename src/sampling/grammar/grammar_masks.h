#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/recognizer.h"
#include "sampling/grammar/token_scan.h"
#include "sampling/grammar/token_trie.h"
#include "sampling/grammar/trigger.h"

namespace dure {

/// A grammar beside a vocabulary, and which tokens its states allow, found out when first asked and kept for all
/// requests with this grammar. Thread-safe.
class GrammarMasks {
 public:
  GrammarMasks(std::shared_ptr<const grammar::CompiledGrammar> grammar, std::shared_ptr<const TokenTrie> trie);

  /// The tokens that a machine in a state may read. Those that leave it midway are for the callers to judge.
  struct Frame {
    grammar::TokenSet tokens;
    std::shared_ptr<const grammar::TokenExits> exits;
  };
  std::shared_ptr<const Frame> frame(int state, int count);

  /// Finds out now, for so long at most, what answers would ask first when they get there: in the thread of the request
  /// that brings the grammar, not in the engine's, for which all answers wait.
  void prepare(std::chrono::milliseconds time);

  std::shared_ptr<const TriggerTokens> trigger(const std::string& text);

  const std::shared_ptr<const grammar::CompiledGrammar>& grammar() const { return grammar_; }
  const TokenTrie& trie() const { return *trie_; }

 private:
  struct Key {
    int state;
    int count;  ///< of a leaf: how many counted steps may follow; else one that stands for all that make no difference
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& k) const { return size_t(unsigned(k.state)) << 32 | unsigned(k.count); }
  };
  using Item = std::pair<Key, std::shared_ptr<const Frame>>;

  Key key(int state, int count);
  Frame make(const Key& key);
  const grammar::TokenScan& leaf_scan(int state);

  const std::shared_ptr<const grammar::CompiledGrammar> grammar_;
  const std::shared_ptr<const TokenTrie> trie_;
  std::mutex mutex_;
  grammar::Recognizer recognizer_;
  std::unordered_map<int, std::shared_ptr<const grammar::TokenScan>> leaf_scans_;
  std::list<Item> recent_;  ///< the one used last is the first
  std::unordered_map<Key, std::list<Item>::iterator, KeyHash> index_;
  size_t bytes_ = 0;
  std::map<std::string, std::shared_ptr<const TriggerTokens>> triggers_;
};

}  // namespace dure

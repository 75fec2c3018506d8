#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/grammar_masks.h"
#include "sampling/grammar/token_trie.h"

namespace dure {

/// Grammars of one vocabulary, compiled once: the ones used last, each by a text that says what it is made of, such as
/// a schema. Thread-safe; different grammars compile at the same time.
class GrammarCache {
 public:
  explicit GrammarCache(std::shared_ptr<const TokenTrie> trie, size_t capacity = 64,
                        grammar::GrammarLimits limits = {});

  /// Calls `make` if the key is not known. Throws what `make` and compile() throw, which is not remembered.
  std::shared_ptr<GrammarMasks> get(const std::string& key, const std::function<grammar::RulePtr()>& make);

 private:
  using Item = std::pair<const std::string, std::shared_ptr<GrammarMasks>>;
  const std::shared_ptr<const TokenTrie> trie_;
  const size_t capacity_;
  const grammar::GrammarLimits limits_;
  std::mutex mutex_;
  std::list<Item> recent_;  ///< the one used last is the first
  std::unordered_map<std::string, std::list<Item>::iterator> index_;
};

}  // namespace dure

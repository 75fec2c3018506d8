#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/constraint.h"
#include "sampling/grammar/grammar_masks.h"
#include "sampling/grammar/recognizer.h"

namespace dure {

struct MatcherOptions {
  /// Where one of these is given, the answer is free until it comes, for ever if it does not, and the grammar begins
  /// behind it.
  int trigger_token = -1;
  std::string trigger = {};  ///< bytes of ordinary tokens
  /// When the grammar has been fulfilled for the first time, the answer is free again (and may be triggered again),
  /// instead of being over when the grammar allows nothing more.
  bool free_after = false;
  /// Ids of a text as the tokenizer would write it, without special tokens. Without it, forced() gives tokens only
  /// where one of them is the only way on.
  std::function<std::vector<int>(std::string_view)> tokenize = {};
};

/// An answer that keeps to a grammar. An end token is allowed when the answer is a text of the grammar, and control
/// tokens only where the grammar names them; while it is free, everything is.
class GrammarMatcher : public TokenConstraint {
 public:
  /// vocab_size: of the model; ids that the tokenizer does not have are never allowed.
  /// Throws Error if the tokenizer has more ids than the model.
  GrammarMatcher(std::shared_ptr<GrammarMasks> masks, int vocab_size, MatcherOptions options = {});

  std::span<const uint64_t> mask() override;
  void accept(int id) override;
  std::vector<int> forced() override;
  bool complete() const override;

 private:
  using Position = grammar::Recognizer::Position;
  enum class Mode : uint8_t { free, bound, over };

  void make_mask();
  void add_exits(const GrammarMasks::Frame& frame, const grammar::Thread& thread);
  Position after(Position at, int id);
  void accept_free(int id);
  void begin();
  void settle();

  std::shared_ptr<GrammarMasks> masks_;
  const TokenTrie& trie_;
  MatcherOptions options_;
  grammar::Recognizer recognizer_;
  Mode mode_ = Mode::bound;
  Position at_ = grammar::Recognizer::kDead;
  std::string seen_;  ///< of a free answer: the last bytes, in which the trigger may have begun
  std::vector<uint64_t> mask_;
  bool mask_is_made_ = false;
};

}  // namespace dure

#pragma once

#include <functional>
#include <map>
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
  std::string trigger = {};  ///< a text, in tokens of any kind; one may go on behind it as the grammar allows
  /// Texts of the tokens that the trie has no bytes of, by which they too can be parts of the trigger. May be empty.
  std::function<std::string_view(int)> text_of = {};
  /// As soon as the answer is a text of the grammar it is free again, and may be triggered again. Without it, an answer
  /// that can only end is over.
  bool free_after = false;
  /// Ids of a text as the tokenizer writes it within a text, without special tokens. Without it, forced() knows of
  /// control tokens only.
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

  std::span<const uint64_t> free_mask();
  const std::vector<int>& spoilers();
  void bound_mask();
  void add_exits(const GrammarMasks::Frame& frame, const grammar::Thread& thread);
  void allow(int id) { mask_[size_t(id) / 64] |= uint64_t{1} << (id % 64); }
  bool is_end_token(int id) const;
  /// kDead if the grammar does not allow the token.
  Position after(Position at, int id);
  Position after(Position at, std::string_view bytes);
  void go_to(Position at);
  void accept_free(int id);
  std::vector<int> write(const std::string& bytes, bool whole) const;

  std::shared_ptr<GrammarMasks> masks_;
  const TokenTrie& trie_;
  MatcherOptions options_;
  std::shared_ptr<const TriggerTokens> trigger_;  ///< null without a trigger that is text
  grammar::Recognizer recognizer_;
  Mode mode_ = Mode::bound;
  Position at_ = grammar::Recognizer::kDead;
  int matched_ = 0;                           ///< bytes of the trigger
  std::map<int, std::vector<int>> spoilers_;  ///< by matched_
  std::vector<uint64_t> mask_;
  bool mask_is_made_ = false;
};

}  // namespace dure

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/prompt_renderer.h"

namespace dure {

struct EncodeOptions {
  bool add_special = false;   ///< put the tokenizer's prefix and suffix (BOS, EOS) around the text
  bool parse_special = true;  ///< recognise control tokens; as Segment::trusted
};

/// Text to ids and back, exactly as Hugging Face's tokenizers library does with the same tokenizer.json (verified on
/// the vectors of tests/fixtures/tokenizers). All methods are const and may be called from any number of threads.
class Tokenizer {
 public:
  /// Throws Error, naming spec.source, if the specification contradicts itself: ids out of range, patterns that do not
  /// compile, added tokens that are not UTF-8.
  explicit Tokenizer(TokenizerSpec spec);

  /// Bytes that are not UTF-8 are encoded as U+FFFD. Throws Error only if a pattern exceeds its match limit.
  std::vector<int> encode(std::string_view text, EncodeOptions options = {}) const;
  /// A rendered prompt. Control tokens are recognised in trusted segments only, so that "<｜Assistant｜>" typed by a
  /// user stays text. In every other way the segments are one text: words may span them.
  std::vector<int> encode(std::span<const Segment> prompt, bool add_special = false) const;

  /// Valid UTF-8 always: what is not becomes U+FFFD. Ids without token (padded vocabularies) decode to nothing.
  std::string decode(std::span<const int> ids, bool skip_special = false) const;
  /// `kept`: special tokens that are not skipped. REQUIRES: this outlives the decoder.
  StreamDecoder stream_decoder(bool skip_special = false, std::span<const int> kept = {}) const;

  /// The bytes that a token stands for, possibly part of a character; a special token's are its name. Empty for ids
  /// without token.
  std::string_view token_bytes(int id) const { return decoder_.bytes(id); }
  /// The id of a token by its name in the vocabulary (byte-level: in the printable alphabet) or its added content.
  std::optional<int> token_id(std::string_view token) const;
  bool is_special(int id) const;
  /// One more than the largest id. A model's own vocabulary may be larger, by padding.
  int vocab_size() const { return vocab_size_; }

  int bos_id() const { return spec_.bos_id; }
  int eos_id() const { return spec_.eos_id; }
  /// The specification, without merges and scores: templates, special strings, prefix and suffix.
  const TokenizerSpec& spec() const { return spec_; }

 private:
  struct Text {
    std::string_view text;
    std::vector<TextRange> plain;  // where control tokens are not recognised
    bool at_start;
  };
  std::vector<int> encode_all(std::string_view text, const std::vector<TextRange>& plain, bool add_special) const;
  void encode_text(const Text& text, std::vector<int>& out) const;
  void encode_normalized(const Text& text, std::vector<int>& out) const;

  TokenizerSpec spec_;
  int vocab_size_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  Bpe bpe_;
  Decoder decoder_;
  AddedTokens raw_tokens_, normalized_tokens_;
  std::unordered_map<std::string_view, int> ids_;  // keys point into spec_
  std::vector<int> special_ids_;                   // sorted
};

}  // namespace dure

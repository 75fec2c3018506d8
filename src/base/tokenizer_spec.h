#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Everything that defines a tokenizer, as plain data. Readers in formats/ fill it from a tokenizer.json, a GGUF file
/// or a llama2.c vocabulary; text/tokenizer.h runs it. docs/formats/tokenizer.md describes the meaning of every step.
namespace dure {

/// Ids may leave gaps, but no more than this above the number of tokens: tables are as long as the largest id.
constexpr int kMaxIdGap = 65536;

/// One rule of a byte-pair encoding: neighbours `left` and `right` become `result`. Lower ranks merge first; of equal
/// ranks the leftmost pair does. All three are ids of TokenizerSpec::tokens.
struct Merge {
  int left = 0, right = 0, result = 0;
  int rank = 0;
};

/// A token that is looked for in the text before any splitting, such as "<think>". Meaning of the flags: docs.
struct AddedToken {
  int id = 0;
  std::string content;
  bool special = false;      ///< left out by decode(skip_special)
  bool lstrip = false;       ///< swallows white space before it
  bool rstrip = false;       ///< swallows white space after it
  bool single_word = false;  ///< only where no word character touches it
  bool normalized = false;   ///< looked for in the normalised text, in its own normalised form
};

/// What a step looks for: a literal text or a regular expression in the Oniguruma/Rust dialect.
struct TextPattern {
  std::string text;
  bool is_regex = false;
};

namespace normalizers {
struct Prepend {
  std::string prefix;
};
struct Replace {
  TextPattern pattern;
  std::string content;
};
enum class UnicodeForm { nfc, nfd, nfkc, nfkd };
struct Lowercase {};
struct Strip {
  bool left = true, right = true;
};
using Step = std::variant<Prepend, Replace, UnicodeForm, Lowercase, Strip>;
}  // namespace normalizers

namespace pre_tokenizers {
/// What becomes of a match (of the delimiter): a piece of its own, dropped, joined to a neighbour, or one piece with
/// the matches that follow it directly.
enum class Behavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };
struct Split {
  TextPattern pattern;
  Behavior behavior = Behavior::isolated;
  bool invert = false;  ///< what lies between matches is the delimiter
};
/// Turns every byte into one printable character (GPT-2).
struct ByteLevel {
  bool add_prefix_space = false;
  bool use_regex = false;  ///< split with the GPT-2 pattern first
};
struct Metaspace {
  enum class Prepend { always, first, never };
  std::string replacement;
  Prepend prepend = Prepend::always;
  bool split = true;
};
using Step = std::variant<Split, ByteLevel, Metaspace>;
}  // namespace pre_tokenizers

namespace decoders {
struct ByteLevel {};
struct ByteFallback {};
struct Fuse {};
/// Removes up to `start` leading and `stop` trailing occurrences of one character from each token.
struct Strip {
  std::string content;
  int start = 0, stop = 0;
};
struct Replace {
  TextPattern pattern;
  std::string content;
};
struct Metaspace {
  std::string replacement;
  bool strip_first = true;  ///< the first token loses its replacement characters instead of turning them into spaces
};
using Step = std::variant<ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace>;
}  // namespace decoders

/// A Jinja chat template; the usual one is called "default".
struct NamedTemplate {
  std::string name;
  std::string text;
};

struct TokenizerSpec {
  std::string source;  ///< names the tokenizer in errors: a path

  std::vector<std::string> tokens;  ///< the model's own vocabulary by id; empty: no such token
  std::vector<Merge> merges;
  std::vector<float> scores;  ///< SentencePiece log-probabilities by id, if the file had them; kept for writers
  std::vector<AddedToken> added_tokens;

  std::vector<normalizers::Step> normalizers;
  std::vector<pre_tokenizers::Step> pre_tokenizers;
  std::vector<decoders::Step> decoders;  ///< none: tokens are joined by a space

  bool ignore_merges = false;  ///< a piece that is a token needs no merges
  bool byte_fallback = false;  ///< a character without token becomes its bytes' "<0xAB>" tokens
  bool fuse_unk = false;       ///< neighbouring unknown characters become one unk
  int unk_id = -1;             ///< -1, here and below: none

  std::vector<int> prefix, suffix;  ///< what encode(add_special) puts around the text, usually one BOS and nothing
  int bos_id = -1, eos_id = -1, pad_id = -1;

  std::vector<NamedTemplate> chat_templates;
  std::vector<std::pair<std::string, std::string>> special_tokens;  ///< "bos_token" -> "<s>", ...: what templates name

  /// One more than the largest id of any token.
  int vocab_size() const {
    int size = static_cast<int>(tokens.size());
    for (const AddedToken& token : added_tokens) size = std::max(size, token.id + 1);
    return size;
  }

  /// The string of "bos_token" and its like, or "".
  std::string_view special_token(std::string_view name) const {
    for (const auto& [key, text] : special_tokens)
      if (key == name) return text;
    return {};
  }
};

}  // namespace dure

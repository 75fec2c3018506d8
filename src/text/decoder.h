#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/regex.h"

namespace dure {

/// The decoder steps of a tokenizer as a pipeline that takes one token at a time, so that decoding a stream and
/// decoding a whole are the same thing. Immutable; all that changes is in a State.
class Decoder {
 public:
  /// Throws Error for steps in an order that has no meaning (byte steps after the tokens were fused) and for patterns
  /// that do not compile.
  explicit Decoder(const TokenizerSpec& spec);

  struct State {
    struct Step {
      std::string held;   // what can not be passed on yet
      size_t count = 0;   // tokens seen, or characters stripped
      bool done = false;  // leading characters are stripped
    };
    std::vector<Step> steps;
  };
  State start() const { return {std::vector<State::Step>(steps_.size() + 1)}; }

  /// Appends to `out` the text that is certain after token `id`; always whole characters. Ids without token add
  /// nothing.
  void push(State& state, int id, std::string& out) const;
  /// Appends what was held back: unfinished characters become U+FFFD.
  void finish(State& state, std::string& out) const;

  /// The bytes that a token stands for, on its own; empty for ids without token.
  std::string_view bytes(int id) const;

 private:
  struct Step {
    decoders::Step rule;
    bool fused = false;  // the input is one token that arrives in parts
    std::optional<Regex> pattern;
  };
  struct Run {  // one call's state and output
    const Decoder& decoder;
    State& state;
    std::string& out;
    void feed(size_t step, std::string_view token);
    void flush(size_t step);
    void byte_level(size_t step, std::string_view token);
    void byte_fallback(size_t step, std::string_view token);
    void flush_bytes(size_t step);
    void strip_stream(size_t step, const decoders::Strip& rule, std::string_view text);
    void replace_stream(size_t step, const decoders::Replace& rule, std::string_view text);
  };

  bool has(int id) const { return id >= 0 && static_cast<size_t>(id) < texts_.size() && !texts_[id].empty(); }
  std::string token_bytes(std::string_view token) const;

  std::vector<Step> steps_;
  std::vector<std::string> texts_;  // by id: what enters the first step; already bytes if that is ByteLevel
  std::vector<std::string> bytes_;  // by id, empty if the same as texts_
};

/// Decodes ids as they are sampled. The parts, finish() included, add up to Tokenizer::decode of all ids, and every
/// part is valid UTF-8. A run of byte-fallback tokens appears when it ends, for only then is it known to be valid.
class StreamDecoder {
 public:
  /// REQUIRES: `decoder` outlives this. Made by Tokenizer::stream_decoder.
  StreamDecoder(const Decoder& decoder, std::vector<int> skipped)
      : decoder_(decoder), skipped_(std::move(skipped)), state_(decoder.start()) {}

  /// The text that `id` adds; may be empty.
  std::string push(int id);
  /// What was still held back. The next push starts a new text.
  std::string finish();

 private:
  const Decoder& decoder_;
  std::vector<int> skipped_;  // sorted
  Decoder::State state_;
};

}  // namespace dure

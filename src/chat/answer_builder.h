#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "chat/answer_sink.h"
#include "chat/text_stream.h"
#include "sampling/sampler.h"

namespace dure {

/// How sampled ids become an answer.
struct AnswerRules {
  const ToolFormat* format;        ///< no_tool_format(): nothing is a call
  AnswerStart start;               ///< where the prompt left off
  std::vector<std::string> tools;  ///< names on offer
  std::vector<std::string> stop;   ///< stop strings
  std::vector<int> markers;        ///< control tokens that the parser reads
  std::vector<int> before;         ///< ids that the answer's text continues, as after a raw prompt
  bool plain = false;              ///< text as it stands: neither thoughts nor calls
};

/// Turns the tokens of one answer into pieces that may be shown: whole characters, no stop strings, thoughts and calls
/// apart, log-probabilities beside the text that they belong to.
class AnswerBuilder {
 public:
  /// REQUIRES: the tokenizer outlives this.
  AnswerBuilder(const Tokenizer& tokenizer, const AnswerRules& rules);

  AnswerPiece push(const Sampled& token);
  /// What was held back, once the last token is in.
  AnswerPiece finish();

  bool stopped() const { return stream_.stopped(); }
  const std::string& stopped_by() const { return stream_.stopped_by(); }
  bool called_tools() const { return parser_.calls() > 0; }
  int tokens() const { return tokens_; }
  int reasoning_tokens() const { return reasoning_tokens_; }
  const std::string& calls_text() const { return parser_.calls_text(); }

 private:
  struct Waiting {  // a token whose text is not shown yet
    TokenDetail detail;
    size_t start;  // in the answer's text
  };
  AnswerPiece take(const std::string& text, std::vector<AnswerDelta> deltas, bool last);

  const Tokenizer& tokenizer_;
  bool plain_;
  TextStream stream_;
  AnswerParser parser_;
  std::deque<Waiting> waiting_;
  size_t shown_ = 0;  // bytes of the answer's text that the stream let go
  bool reasoning_;
  int tokens_ = 0, reasoning_tokens_ = 0;
};

}  // namespace dure

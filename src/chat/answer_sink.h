#pragma once

#include <exception>
#include <string>
#include <vector>

#include "engine/sequence.h"
#include "text/tools/answer_parser.h"

namespace dure {

/// A token with its log-probability, as clients see it that asked for them.
struct TokenText {
  std::string text;   ///< valid UTF-8; a part of a character is U+FFFD
  std::string bytes;  ///< what it really is
  float logprob;
};
struct TokenDetail {
  TokenText token;
  std::vector<TokenText> top;
  bool reasoning = false;  ///< belongs to the thoughts
};

/// A stretch of one answer, whole characters only.
struct AnswerPiece {
  std::vector<AnswerDelta> deltas;
  std::vector<std::string> call_ids;  ///< of the calls that begin here, in their order
  std::vector<TokenDetail> tokens;    ///< empty unless log-probabilities were asked for
  int sampled = 0;                    ///< tokens of the answer since the last piece
};

/// How one answer ended.
struct AnswerEnd {
  FinishReason reason = FinishReason::stop;
  std::string stop_string;  ///< the one that ended it; empty if none did
  bool called_tools = false;
};

/// Tokens and times of a request, all its answers together.
struct AnswerUsage {
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, reasoning_tokens = 0;
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;  ///< until it began, until the first token, after

  double prefill_rate() const { return prefill_seconds > 0 ? (prompt_tokens - cached_tokens) / prefill_seconds : 0; }
  double decode_rate() const { return decode_seconds > 0 ? (completion_tokens - 1) / decode_seconds : 0; }
};

/// Who receives an answer. Called from the model's thread, one call at a time, in this order: started, progress*,
/// piece* and finished for each choice, then done; or failed at any point, and nothing after it. Calls must not block.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;

  virtual void started(int prompt_tokens, int cached_tokens) { (void)prompt_tokens, (void)cached_tokens; }
  /// Tokens of the prompt in the cache, of all its tokens.
  virtual void progress(int done, int total) { (void)done, (void)total; }
  virtual void piece(int choice, AnswerPiece piece) = 0;
  virtual void finished(int choice, AnswerEnd end) = 0;
  virtual void done(const AnswerUsage& usage) = 0;
  virtual void failed(std::exception_ptr error) = 0;
};

}  // namespace dure

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "chat/assistant.h"
#include "chat/conversation.h"
#include "chat/settings.h"
#include "text/tools/answer_parser.h"

namespace dure {

/// What a conversation hears while an answer is made.
struct AnswerWatch {
  std::function<void(int done, int total)> on_prefill;                ///< tokens of the prompt read, and in all
  std::function<void(const AnswerDelta& part, int tokens)> on_delta;  ///< `tokens`: of the answer so far
  std::function<bool()> stopped;                                      ///< the user wants no more of it
};

/// Whoever answers in a conversation: a model in this program, or one behind a server.
class Answerer {
 public:
  virtual ~Answerer() = default;

  /// Answers the last question. An answer that was stopped has reason `cancelled`. Throws Error, a line for the user.
  virtual GenerationResult answer(const Conversation& conversation, const Settings& settings,
                                  const AnswerWatch& watch) = 0;
  virtual int context() const = 0;  ///< tokens of prompt and answer at most; 0: not known
  virtual std::optional<int> count_tokens(const std::string& text) = 0;
  virtual int vocab_size() const = 0;
  virtual int64_t cache_bytes() const { return 0; }  ///< of this program's memory

  enum class ThinkingSwitch { works, ignored, none };  ///< the template does not look at it; there is no template
  virtual ThinkingSwitch thinking_switch() = 0;
};

}  // namespace dure

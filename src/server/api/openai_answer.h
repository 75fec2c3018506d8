#pragma once

#include "base/json.h"
#include "chat/answer_sink.h"
#include "server/api/server_context.h"

namespace dure {

// Parts of answers in OpenAI's protocol, with DeepSeek's and llama.cpp's additions.

/// stop, length or tool_calls.
const char* openai_finish_reason(const AnswerEnd& end);
Json openai_usage(const AnswerUsage& usage);
Json answer_timings(const AnswerUsage& usage);
/// {"content": [...], "reasoning": [...]}, in the words of chat completions.
Json openai_logprobs(const std::vector<TokenDetail>& tokens);

/// One whole answer, put together from its pieces.
struct WholeAnswer {
  std::string content, reasoning;
  struct Call {
    std::string id, name, arguments;
  };
  std::vector<Call> calls;
  std::vector<TokenDetail> tokens;
  AnswerEnd end;

  void add(const AnswerPiece& piece);
};

/// Answers in the protocol of chat completions: a whole completion, or chunks.
std::shared_ptr<ApiSink> make_chat_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                        const OpenAiRequest& request);

}  // namespace dure

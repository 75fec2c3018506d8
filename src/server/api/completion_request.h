#pragma once

#include "server/api/openai_request.h"

namespace dure {

/// A body of POST /v1/completions: one answer, or n, to each of its prompts.
struct CompletionRequest {
  std::vector<ChatRequest> prompts;
  AnswerForm form;
  int n = 1;
  bool echo = false;     ///< the prompts stand before their answers
  bool nothing = false;  ///< max_tokens 0: only the prompts are wanted, with their log-probabilities
};

/// Throws HttpError 400.
CompletionRequest read_completion(const Json& body, const ApiLimits& limits);

}  // namespace dure

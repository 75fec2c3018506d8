#pragma once

#include "server/api/openai_request.h"

namespace dure {

class ResponsesStore;

struct ResponsesRequest : OpenAiRequest {
  Json messages;           ///< the conversation without the instructions: what is kept for the next turn
  Json echo;               ///< fields of the request that the response repeats
  bool store = true;       ///< may be referred to by previous_response_id
  bool summaries = false;  ///< thoughts as summaries, which more clients show than the thoughts themselves
};

/// A body of POST /v1/responses. Throws HttpError 400, also for a previous_response_id that is not in the store.
ResponsesRequest read_response_request(const Json& body, const ApiLimits& limits, ResponsesStore& store);

}  // namespace dure

#pragma once

#include "server/api/responses_request.h"
#include "server/api/responses_store.h"
#include "server/api/server_context.h"

namespace dure {

/// Answers in the protocol of OpenAI's Responses: a whole response, or events. `store` keeps the conversation if the
/// request allows it. REQUIRES: the store outlives the answer.
std::shared_ptr<ApiSink> make_response_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                            const ResponsesRequest& request, ResponsesStore& store);

}  // namespace dure

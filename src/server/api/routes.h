#pragma once

#include "server/api/server_context.h"

namespace dure {

// The endpoints, one function for each group. REQUIRES: the context outlives the router.

void add_openai_chat_routes(Router& router, ServerContext& context);        ///< /v1/chat/completions
void add_openai_completion_routes(Router& router, ServerContext& context);  ///< /v1/completions
void add_model_routes(Router& router, ServerContext& context);              ///< /v1/models, /health
void add_text_routes(Router& router, ServerContext& context);               ///< /tokenize, /v1/embeddings, /v1/rerank
void add_status_routes(Router& router, ServerContext& context);             ///< /status, /metrics
void add_responses_routes(Router& router, ServerContext& context);          ///< /v1/responses
void add_anthropic_routes(Router& router, ServerContext& context);          ///< /v1/messages

}  // namespace dure

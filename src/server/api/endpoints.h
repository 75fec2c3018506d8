#pragma once

#include <memory>
#include <vector>

#include "base/json_fwd.h"
#include "server/http/router.h"

namespace dure {

struct ServerContext;

/// What clients can ask for: how it is reached, who answers, and what /openapi.json says of it.
struct Endpoint {
  const char* method;
  const char* path;  ///< a pattern of the router
  const char* group;
  const char* summary;
  void (*handle)(ServerContext&, const std::shared_ptr<Exchange>&);
  /// Of the body, each with its JSON type: "messages!:array temperature:number". Those with ! must be there.
  const char* fields = nullptr;
  RouteOptions options = {};
  const char* aliases = nullptr;  ///< further paths, between spaces
};

// The endpoints of each protocol.
std::vector<Endpoint> openai_chat_endpoints();
std::vector<Endpoint> openai_completion_endpoints();
std::vector<Endpoint> responses_endpoints();
std::vector<Endpoint> anthropic_endpoints();
std::vector<Endpoint> ollama_endpoints();
std::vector<Endpoint> model_endpoints();
std::vector<Endpoint> embedding_endpoints();
std::vector<Endpoint> token_endpoints();
std::vector<Endpoint> status_endpoints();

/// All of them, in the order of the documentation.
const std::vector<Endpoint>& all_endpoints();
/// Adds them all. What is below /v1 is found below /beta as well, and OpenAI's own without either, as clients of
/// DeepSeek and llama.cpp expect. REQUIRES: the context outlives the router.
void add_api_routes(Router& router, ServerContext& context);

/// All endpoints as an OpenAPI 3.1 document.
Json openapi_document();

}  // namespace dure

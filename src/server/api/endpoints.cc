#include "server/api/endpoints.h"

#include <set>
#include <sstream>
#include <string>

#include "base/json.h"
#include "server/api/anthropic_request.h"
#include "server/api/ollama_request.h"
#include "server/api/server_context.h"

namespace dure {
namespace {

void openapi(ServerContext&, const std::shared_ptr<Exchange>& exchange) {
  exchange->send(json_response(200, openapi_document()));
}

std::set<std::string> paths_of(const Endpoint& endpoint) {
  const std::string path = endpoint.path;
  std::set<std::string> paths{path};
  std::istringstream aliases(endpoint.aliases == nullptr ? "" : endpoint.aliases);
  for (std::string alias; aliases >> alias;) paths.insert(alias);
  if (path.starts_with("/v1/")) {
    paths.insert("/beta" + path.substr(3));
    paths.insert(path.substr(3));
  }
  return paths;
}

/// Handlers that find their model on its way into memory are called again when it is there.
void handle(ServerContext& context, const Endpoint& endpoint, const std::shared_ptr<Exchange>& exchange) {
  try {
    endpoint.handle(context, exchange);
  } catch (const ModelLoading& loading) {
    context.models.when_loaded(loading.id, [&context, &endpoint, exchange](const std::exception_ptr& error) {
      if (exchange->closed()) return;
      try {
        if (error != nullptr) fail_to_load(error);
        handle(context, endpoint, exchange);
      } catch (...) {
        exchange->send_error(std::current_exception());
      }
    });
  }
}

}  // namespace

const std::vector<Endpoint>& all_endpoints() {
  static const std::vector<Endpoint> all = [] {
    std::vector<Endpoint> list;
    for (const auto& group :
         {openai_chat_endpoints(), openai_completion_endpoints(), responses_endpoints(), embedding_endpoints(),
          model_endpoints(), token_endpoints(), anthropic_endpoints(), ollama_endpoints(), status_endpoints()})
      list.insert(list.end(), group.begin(), group.end());
    list.push_back({"GET",
                    "/openapi.json",
                    "server",
                    "This interface as an OpenAPI document",
                    openapi,
                    nullptr,
                    {.needs_key = false}});
    return list;
  }();
  return all;
}

void add_api_routes(Router& router, ServerContext& context) {
  router.set_errors("/v1/messages", anthropic_error);
  router.set_errors("/anthropic", anthropic_error);
  router.set_errors("/api", ollama_error);
  for (const Endpoint& endpoint : all_endpoints())
    for (const std::string& path : paths_of(endpoint))
      router.add(
          endpoint.method, path,
          [&context, &endpoint](const std::shared_ptr<Exchange>& x) { handle(context, endpoint, x); },
          endpoint.options);
}

}  // namespace dure

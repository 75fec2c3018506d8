#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "server/api/endpoints.h"
#include "server/api/server_context.h"

namespace dure {
namespace {

Json model_json(const ModelCard& card) {
  Json json = {
      {"id", card.id},           {"object", "model"},     {"created", card.modified},      {"owned_by", "dure"},
      {"aliases", card.aliases}, {"loaded", card.loaded}, {"meta", {{"size", card.bytes}}}};
  if (!card.base.empty()) json["parent"] = card.base;
  if (card.max_model_len > 0) {
    json["context_length"] = json["max_model_len"] = card.max_model_len;
    json["meta"]["n_ctx_train"] = card.max_model_len;
    json["meta"]["n_params"] = card.parameters;
    json["meta"]["n_vocab"] = card.vocab_size;
    json["meta"]["architecture"] = card.model_type;
  }
  return json;
}

void models(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  Json data = Json::array();
  for (const ModelCard& card : context.models.list()) data.push_back(model_json(card));
  exchange->send(json_response(200, {{"object", "list"}, {"data", std::move(data)}}));
}

void model(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const std::string id(exchange->request().parameter("id"));
  for (const ModelCard& card : context.models.list())
    if (card.id == id || std::ranges::find(card.aliases, id) != card.aliases.end())
      return exchange->send(json_response(200, model_json(card)));
  throw not_found("there is no model " + quote(id), "model_not_found");
}

void health(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  if (!context.models.ready())
    throw HttpError(503, "server_error", "loading", "the model is being loaded", "", {{"retry-after", "2"}});
  exchange->send(json_response(200, {{"status", "ok"}}));
}

}  // namespace

std::vector<Endpoint> model_endpoints() {
  return {{.method = "GET", .path = "/v1/models", .group = "openai", .summary = "All models", .handle = models},
          {.method = "GET", .path = "/v1/models/{id...}", .group = "openai", .summary = "One model", .handle = model},
          {.method = "GET",
           .path = "/v1/health",
           .group = "server",
           .summary = "Whether the default model is ready",
           .handle = health,
           .options = {.needs_key = false, .light = true}}};
}

}  // namespace dure

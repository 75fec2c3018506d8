#include "base/json.h"
#include "server/api/routes.h"

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

}  // namespace

void add_model_routes(Router& router, ServerContext& context) {
  for (const char* path : {"/v1/models", "/models", "/beta/models"})
    router.add("GET", path, [&](const std::shared_ptr<Exchange>& x) {
      Json data = Json::array();
      for (const ModelCard& card : context.models.list()) data.push_back(model_json(card));
      x->send(json_response(200, {{"object", "list"}, {"data", std::move(data)}}));
    });
  for (const char* path : {"/v1/models/{id...}", "/models/{id...}"})
    router.add("GET", path, [&](const std::shared_ptr<Exchange>& x) {
      const std::string id(x->request().parameter("id"));
      for (const ModelCard& card : context.models.list())
        if (card.id == id || std::ranges::find(card.aliases, id) != card.aliases.end())
          return x->send(json_response(200, model_json(card)));
      throw not_found("there is no model " + id, "model_not_found");
    });
  for (const char* path : {"/health", "/v1/health"})
    router.add("GET", path,
               [&](const std::shared_ptr<Exchange>& x) {
                 if (context.models.ready()) return x->send(json_response(200, {{"status", "ok"}}));
                 throw HttpError(503, "server_error", "loading", "the model is loading", "", {{"retry-after", "2"}});
               },
               {.needs_key = false, .light = true});
}

}  // namespace dure

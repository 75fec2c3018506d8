#include "server/api/endpoints.h"
#include "server/api/openai_request.h"
#include "server/api/server_context.h"

namespace dure {
namespace {

/// llama.cpp's `content`, vLLM's `prompt` or `messages`.
void tokenize(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const ModelLease lease = acquire_model(context, body.string_or("model", ""));
  const Tokenizer& tokenizer = lease.service->model().tokenizer();
  std::vector<int> ids;
  if (body.has("messages")) {
    ids = lease.service->prompt(read_chat_completion(json, context.limits).chat).ids;
  } else {
    const auto text = body.has("content") ? body.string("content") : body.string("prompt");
    if (!text) body.refuse("content", "text");
    // llama.cpp leaves BOS out unless asked, vLLM adds it.
    const bool special =
        body.has("content") ? body.boolean_or("add_special", false) : body.boolean_or("add_special_tokens", true);
    ids = special ? lease.service->model().raw_prompt(*text)
                  : tokenizer.encode(*text, {.parse_special = body.boolean_or("parse_special", true)});
  }
  Json tokens = ids;
  if (body.boolean_or("with_pieces", false)) {
    tokens = Json::array();
    for (const int id : ids) tokens.push_back({{"id", id}, {"piece", tokenizer.decode(std::vector<int>{id})}});
  }
  exchange->send(json_response(
      200, {{"tokens", std::move(tokens)}, {"count", ids.size()}, {"max_model_len", lease.service->max_model_len()}}));
}

void detokenize(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const Json* tokens = body.array("tokens", 1 << 22);
  if (tokens == nullptr) body.refuse("tokens", "token ids");
  const ModelLease lease = acquire_model(context, body.string_or("model", ""));
  const std::string text = lease.service->model().tokenizer().decode(token_ids(*tokens, "tokens"));
  // Under the names of both.
  exchange->send(json_response(200, {{"content", text}, {"prompt", text}}));
}

ChatService::Prompt prompt_of(ServerContext& context, const Exchange& exchange) {
  const OpenAiRequest request = read_chat_completion(parse_body(exchange.request()), context.limits);
  return acquire_model(context, request.form.model).service->prompt(request.chat);
}

void apply_template(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  exchange->send(json_response(200, {{"prompt", prompt_of(context, *exchange).text}}));
}

void count_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  exchange->send(json_response(200, {{"input_tokens", prompt_of(context, *exchange).ids.size()}}));
}

}  // namespace

std::vector<Endpoint> token_endpoints() {
  return {
      {.method = "POST",
       .path = "/tokenize",
       .group = "tokens",
       .summary = "Text, or a conversation as the model reads it, as token ids",
       .handle = tokenize,
       .fields = "model:string content:string prompt:string messages:array add_special:boolean "
                 "add_special_tokens:boolean parse_special:boolean with_pieces:boolean"},
      {.method = "POST",
       .path = "/detokenize",
       .group = "tokens",
       .summary = "Token ids as text",
       .handle = detokenize,
       .fields = "model:string tokens!:array"},
      {.method = "POST",
       .path = "/apply-template",
       .group = "tokens",
       .summary = "A conversation as the text that the model reads",
       .handle = apply_template,
       .fields = "model:string messages!:array tools:array chat_template_kwargs:object"},
      {.method = "POST",
       .path = "/v1/chat/completions/input_tokens",
       .group = "tokens",
       .summary = "How many tokens a conversation takes",
       .handle = count_tokens,
       .fields = "model:string messages!:array tools:array"},
  };
}

}  // namespace dure

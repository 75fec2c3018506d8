#include "server/api/anthropic_answer.h"
#include "server/api/anthropic_request.h"
#include "server/api/endpoints.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

void message(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_anthropic_message(parse_body(exchange->request()), context.limits);
  if (request.form.stream) SseStream::expect(*exchange, "error");
  const ModelLease lease = acquire_model(context, request.form.model);
  submit_answer(context, lease, std::move(request.chat), exchange, make_anthropic_sink(exchange, lease, request.form));
}

void count_message_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const OpenAiRequest request = read_anthropic_message(parse_body(exchange->request()), context.limits, true);
  const ModelLease lease = acquire_model(context, request.form.model);
  exchange->send(json_response(200, {{"input_tokens", lease.service->prompt(request.chat).ids.size()}}));
}

}  // namespace

std::vector<Endpoint> anthropic_endpoints() {
  const RouteOptions options{.errors = anthropic_error};
  return {{.method = "POST",
           .path = "/v1/messages",
           .group = "anthropic",
           .summary = "An answer to a conversation",
           .handle = message,
           .fields = "model:string messages!:array max_tokens!:integer system:any stop_sequences:array "
                     "temperature:number top_p:number top_k:integer tools:array tool_choice:object thinking:object "
                     "output_config:object stream:boolean",
           .options = options,
           .aliases = "/anthropic/v1/messages"},
          {.method = "POST",
           .path = "/v1/messages/count_tokens",
           .group = "anthropic",
           .summary = "How many tokens a conversation takes",
           .handle = count_message_tokens,
           .fields = "model:string messages!:array system:any tools:array",
           .options = options,
           .aliases = "/anthropic/v1/messages/count_tokens"}};
}

}  // namespace dure

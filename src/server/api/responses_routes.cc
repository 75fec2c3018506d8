#include "server/api/responses_answer.h"
#include "server/api/routes.h"

namespace dure {
namespace {

void response(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  ResponsesRequest request = read_response_request(parse_body(exchange->request()), context.limits, context.responses);
  const ModelLease lease = context.models.acquire(request.form.model);
  const auto sink = make_response_sink(exchange, lease, request, context.responses);
  submit_answer(context, lease, std::move(request.chat), exchange, sink);
}

void count_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const ResponsesRequest request =
      read_response_request(parse_body(exchange->request()), context.limits, context.responses);
  const ModelLease lease = context.models.acquire(request.form.model);
  exchange->send(json_response(
      200, {{"object", "response.input_tokens"}, {"input_tokens", lease.service->prompt(request.chat).ids.size()}}));
}

}  // namespace

void add_responses_routes(Router& router, ServerContext& context) {
  for (const char* path : {"/v1/responses", "/responses", "/beta/responses"})
    router.add("POST", path, [&](const std::shared_ptr<Exchange>& x) { response(context, x); });
  router.add("POST", "/v1/responses/input_tokens",
             [&](const std::shared_ptr<Exchange>& x) { count_tokens(context, x); });
}

}  // namespace dure

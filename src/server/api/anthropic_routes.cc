#include "server/api/anthropic_answer.h"
#include "server/api/anthropic_request.h"
#include "server/api/routes.h"

namespace dure {
namespace {

void message(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_anthropic_message(parse_body(exchange->request()), context.limits);
  const ModelLease lease = context.models.acquire(request.form.model);
  submit_answer(context, lease, std::move(request.chat), exchange, make_anthropic_sink(exchange, lease, request.form));
}

void count_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const OpenAiRequest request = read_anthropic_message(parse_body(exchange->request()), context.limits, true);
  const ModelLease lease = context.models.acquire(request.form.model);
  exchange->send(json_response(200, {{"input_tokens", lease.service->prompt(request.chat).ids.size()}}));
}

}  // namespace

void add_anthropic_routes(Router& router, ServerContext& context) {
  const RouteOptions options{.errors = anthropic_error};
  router.set_errors("/v1/messages", anthropic_error);
  router.add(
      "POST", "/v1/messages", [&](const std::shared_ptr<Exchange>& x) { message(context, x); }, options);
  router.add(
      "POST", "/v1/messages/count_tokens", [&](const std::shared_ptr<Exchange>& x) { count_tokens(context, x); },
      options);
}

}  // namespace dure

#include "server/api/endpoints.h"
#include "server/api/responses_answer.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

void response(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  ResponsesRequest request = read_response_request(parse_body(exchange->request()), context.limits, context.responses);
  if (request.form.stream) SseStream::expect(*exchange);
  const ModelLease lease = acquire_model(context, request.form.model);
  const auto sink = make_response_sink(exchange, lease, request, context.responses);
  submit_answer(context, lease, std::move(request.chat), exchange, sink);
}

void count_input_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const ResponsesRequest request =
      read_response_request(parse_body(exchange->request()), context.limits, context.responses);
  const ModelLease lease = acquire_model(context, request.form.model);
  exchange->send(json_response(
      200, {{"object", "response.input_tokens"}, {"input_tokens", lease.service->prompt(request.chat).ids.size()}}));
}

}  // namespace

std::vector<Endpoint> responses_endpoints() {
  constexpr const char* kFields =
      "input!:any model:string instructions:string max_output_tokens:integer temperature:number top_p:number "
      "tools:array tool_choice:any parallel_tool_calls:boolean text:object reasoning:object include:array "
      "top_logprobs:integer previous_response_id:string store:boolean metadata:object stream:boolean";
  return {{.method = "POST",
           .path = "/v1/responses",
           .group = "openai",
           .summary = "An answer, as a list of items",
           .handle = response,
           .fields = kFields},
          {.method = "POST",
           .path = "/v1/responses/input_tokens",
           .group = "openai",
           .summary = "How many tokens the input takes",
           .handle = count_input_tokens,
           .fields = kFields}};
}

}  // namespace dure

#include <mutex>

#include "base/error.h"
#include "server/api/endpoints.h"
#include "server/api/openai_answer.h"
#include "server/api/server_context.h"
#include "server/http/event_stream.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// What both forms of an answer say at their top.
Json head_of(const char* object, const std::string& model) {
  return {{"id", make_id("chatcmpl-")},
          {"object", object},
          {"created", unix_seconds()},
          {"model", model},
          {"system_fingerprint", "dure"}};
}

/// Keeps the answer until it is whole.
class WholeChat : public ApiSink {
 public:
  WholeChat(std::shared_ptr<Exchange> exchange, ModelLease lease, const OpenAiRequest& request)
      : ApiSink(std::move(exchange), std::move(lease)),
        logprobs_(request.form.logprobs),
        answers_(static_cast<size_t>(request.chat.n)) {}

  void piece(int choice, AnswerPiece piece) override { answers_[static_cast<size_t>(choice)].add(piece); }
  void finished(int choice, AnswerEnd end) override { answers_[static_cast<size_t>(choice)].end = std::move(end); }
  void failed(std::exception_ptr error) override { exchange_->send_error(error); }

  void done(const AnswerUsage& usage) override {
    Json body = head_of("chat.completion", lease_.id);
    body["choices"] = Json::array();
    for (size_t i = 0; i < answers_.size(); ++i)
      body["choices"].push_back({{"index", i},
                                 {"message", message(answers_[i])},
                                 {"logprobs", logprobs_ ? openai_logprobs(answers_[i].tokens) : Json()},
                                 {"finish_reason", openai_finish_reason(answers_[i].end)}});
    body["usage"] = openai_usage(usage);
    body["timings"] = answer_timings(usage);
    exchange_->send(json_response(200, body));
  }

 private:
  static Json message(const WholeAnswer& answer) {
    Json message = {{"role", "assistant"}, {"content", answer.content}, {"refusal", nullptr}};
    if (answer.content.empty() && !answer.calls.empty()) message["content"] = nullptr;
    if (!answer.reasoning.empty()) message["reasoning_content"] = answer.reasoning;
    for (const WholeAnswer::Call& call : answer.calls)
      message["tool_calls"].push_back(
          {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    return message;
  }

  const bool logprobs_;
  std::vector<WholeAnswer> answers_;
};

/// The delta of a chunk, as JSON. Null: there is nothing to say.
std::string delta_json(const AnswerDelta& delta, const std::vector<std::string>& call_ids, size_t& call) {
  const std::string text = json_string(delta.text);
  switch (delta.kind) {
    case AnswerDelta::Kind::reasoning: return fmt::format(R"({{"reasoning_content":{}}})", text);
    case AnswerDelta::Kind::content: return fmt::format(R"({{"content":{}}})", text);
    case AnswerDelta::Kind::call_begin:
      return fmt::format(
          R"({{"tool_calls":[{{"index":{},"id":{},"type":"function","function":{{"name":{},"arguments":""}}}}]}})",
          delta.index, json_string(call_ids.at(call++)), text);
    case AnswerDelta::Kind::call_arguments:
      return fmt::format(R"({{"tool_calls":[{{"index":{},"function":{{"arguments":{}}}}}]}})", delta.index, text);
    case AnswerDelta::Kind::call_end: break;
  }
  return {};
}

/// Sends chunks as they come.
class StreamedChat : public ApiSink {
 public:
  StreamedChat(std::shared_ptr<Exchange> exchange, ModelLease lease, const OpenAiRequest& request)
      : ApiSink(std::move(exchange), std::move(lease)),
        form_(request.form),
        left_(request.chat.n),
        choices_(request.chat.n),
        stream_(exchange_) {
    head_ = dump_json(head_of("chat.completion.chunk", lease_.id));
    head_.pop_back();  // the brace: each chunk goes on from here
  }

  void begin() override {
    const std::lock_guard lock(mutex_);
    stream_.start();
  }

  void started(int prompt_tokens, int cached_tokens) override {
    so_far_.prompt_tokens = prompt_tokens;
    so_far_.cached_tokens = cached_tokens;
    for (int i = 0; i < choices_; ++i) choice(i, R"({"role":"assistant","content":""})");
  }

  void progress(int done, int total) override {
    if (!form_.progress) return;
    chunk("", fmt::format(R"(,"prompt_progress":{{"total":{},"cache":{},"processed":{},"time_ms":{}}})", total,
                          so_far_.cached_tokens, done, static_cast<int64_t>(seconds_since(start_) * 1e3)));
  }

  void piece(int index, AnswerPiece piece) override {
    count(piece);
    std::string logprobs =
        form_.logprobs && !piece.tokens.empty() ? dump_json(openai_logprobs(piece.tokens)) : std::string("null");
    size_t call = 0;
    for (const AnswerDelta& d : piece.deltas) {
      const std::string delta = delta_json(d, piece.call_ids, call);
      if (!delta.empty()) choice(index, delta, std::exchange(logprobs, "null"), timings());
    }
    if (logprobs != "null") choice(index, "{}", logprobs);
  }

  void finished(int index, AnswerEnd end) override {
    const std::string reason = fmt::format(R"("{}")", openai_finish_reason(end));
    if (--left_ > 0) return choice(index, "{}", "null", "", reason);
    last_index_ = index;
    last_reason_ = reason;
  }

  void done(const AnswerUsage& usage) override {
    const std::string timings = R"(,"timings":)" + dump_json(answer_timings(usage));
    choice(last_index_, "{}", "null", timings, last_reason_);
    if (form_.usage) chunk("", R"(,"usage":)" + dump_json(openai_usage(usage)) + timings);
    const std::lock_guard lock(mutex_);
    stream_.done();
  }

  void failed(std::exception_ptr error) override {
    const std::lock_guard lock(mutex_);
    if (!stream_.started()) return exchange_->send_error(error);
    stream_.event(exchange_->error_response(to_http_error(error, exchange_->request().id)).body);
    stream_.end();
  }

 private:
  /// `more`: further fields, each behind a comma.
  void choice(int index, const std::string& delta, const std::string& logprobs = "null", const std::string& more = "",
              const std::string& reason = "null") {
    chunk(fmt::format(R"({{"index":{},"delta":{},"logprobs":{},"finish_reason":{}}})", index, delta, logprobs, reason),
          more);
  }
  void chunk(const std::string& choice, const std::string& more) {
    const std::lock_guard lock(mutex_);
    stream_.event(fmt::format(R"({},"choices":[{}]{}}})", head_, choice, more));
  }

  void count(const AnswerPiece& piece) {
    if (so_far_.completion_tokens == 0) {
      so_far_.prefill_seconds = seconds_since(start_);
      first_ = Clock::now();
    }
    so_far_.completion_tokens += piece.sampled;
    so_far_.decode_seconds = seconds_since(first_);
  }
  std::string timings() const {
    return form_.timings ? R"(,"timings":)" + dump_json(answer_timings(so_far_)) : std::string();
  }

  AnswerForm form_;
  int left_, choices_;  // answers that are not over; all of them
  std::string head_;
  AnswerUsage so_far_;
  Clock::time_point start_ = Clock::now(), first_;
  int last_index_ = 0;
  std::string last_reason_ = "null";
  std::mutex mutex_;  // begin() comes from another thread
  SseStream stream_;
};

void chat_completion(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_chat_completion(parse_body(exchange->request()), context.limits);
  if (request.form.stream) SseStream::expect(*exchange);
  const ModelLease lease = acquire_model(context, request.form.model);
  const auto sink = make_chat_sink(exchange, lease, request);
  submit_answer(context, lease, std::move(request.chat), exchange, sink);
}

}  // namespace

std::shared_ptr<ApiSink> make_chat_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                        const OpenAiRequest& request) {
  if (request.form.stream) return std::make_shared<StreamedChat>(std::move(exchange), std::move(lease), request);
  return std::make_shared<WholeChat>(std::move(exchange), std::move(lease), request);
}

std::vector<Endpoint> openai_chat_endpoints() {
  return {{.method = "POST",
           .path = "/v1/chat/completions",
           .group = "openai",
           .summary = "An answer to a conversation",
           .handle = chat_completion,
           .fields = "messages!:array model:string max_tokens:integer max_completion_tokens:integer "
                     "temperature:number top_p:number top_k:integer min_p:number typical_p:number "
                     "repetition_penalty:number repeat_penalty:number presence_penalty:number "
                     "frequency_penalty:number seed:integer n:integer stop:any stop_token_ids:array "
                     "min_tokens:integer ignore_eos:boolean logprobs:boolean top_logprobs:integer logit_bias:object "
                     "response_format:object json_schema:object grammar:string guided_regex:string tools:array "
                     "tool_choice:any parallel_tool_calls:boolean stream:boolean stream_options:object "
                     "reasoning_effort:string thinking:object reasoning_budget:integer chat_template_kwargs:object "
                     "continue_final_message:boolean priority:integer return_progress:boolean "
                     "timings_per_token:boolean"}};
}

}  // namespace dure

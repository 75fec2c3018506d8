#include "server/api/openai_answer.h"
#include "server/api/routes.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

Json call_json(const WholeAnswer::Call& call) {
  return {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

/// What both forms of an answer say at their top.
struct Head {
  std::string id = make_id("chatcmpl-");
  int64_t created = unix_seconds();
  std::string model;

  Json json(const char* object) const {
    return {{"id", id}, {"object", object}, {"created", created}, {"model", model}, {"system_fingerprint", "dure"}};
  }
};

/// Keeps the answer until it is whole.
class WholeChat : public ApiSink {
 public:
  WholeChat(std::shared_ptr<Exchange> exchange, ModelLease lease, const OpenAiRequest& request)
      : ApiSink(std::move(exchange), std::move(lease)),
        form_(request.form),
        answers_(static_cast<size_t>(request.chat.n)) {
    head_.model = lease_.id;
  }

  void piece(int choice, AnswerPiece piece) override { answers_[static_cast<size_t>(choice)].add(piece); }
  void finished(int choice, AnswerEnd end) override { answers_[static_cast<size_t>(choice)].end = std::move(end); }
  void failed(std::exception_ptr error) override { exchange_->send_error(error); }

  void done(const AnswerUsage& usage) override {
    Json body = head_.json("chat.completion");
    body["choices"] = Json::array();
    for (size_t i = 0; i < answers_.size(); ++i) {
      const WholeAnswer& a = answers_[i];
      Json message = {{"role", "assistant"}, {"content", a.content}, {"refusal", nullptr}};
      if (a.content.empty() && !a.calls.empty()) message["content"] = nullptr;
      if (!a.reasoning.empty()) message["reasoning_content"] = a.reasoning;
      for (const WholeAnswer::Call& call : a.calls) message["tool_calls"].push_back(call_json(call));
      body["choices"].push_back({{"index", i},
                                 {"message", std::move(message)},
                                 {"logprobs", form_.logprobs ? openai_logprobs(a.tokens) : Json()},
                                 {"finish_reason", openai_finish_reason(a.end)}});
    }
    body["usage"] = openai_usage(usage);
    body["timings"] = answer_timings(usage);
    exchange_->send(json_response(200, body));
  }

 private:
  AnswerForm form_;
  Head head_;
  std::vector<WholeAnswer> answers_;
};

/// Sends chunks as they come.
class StreamedChat : public ApiSink {
 public:
  StreamedChat(std::shared_ptr<Exchange> exchange, ModelLease lease, const OpenAiRequest& request)
      : ApiSink(std::move(exchange), std::move(lease)),
        form_(request.form),
        choices_(request.chat.n),
        stream_(exchange_) {
    head_.model = lease_.id;
  }

  void begin() override {
    const std::lock_guard lock(mutex_);
    stream_.start();
  }

  void started(int prompt_tokens, int cached_tokens) override {
    usage_.prompt_tokens = prompt_tokens;
    usage_.cached_tokens = cached_tokens;
    for (int i = 0; i < choices_; ++i) send(i, {{"role", "assistant"}, {"content", ""}});
  }

  void progress(int done, int total) override {
    if (!form_.progress) return;
    Json chunk = chunk_of(Json::array());
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    chunk["prompt_progress"] = {
        {"total", total}, {"cache", usage_.cached_tokens}, {"processed", done}, {"time_ms", static_cast<int64_t>(ms)}};
    event(chunk);
  }

  void piece(int choice, AnswerPiece piece) override {
    size_t id = 0;
    Json logprobs = form_.logprobs ? openai_logprobs(piece.tokens) : Json();
    for (const AnswerDelta& d : piece.deltas) {
      Json delta;
      switch (d.kind) {
        case AnswerDelta::Kind::reasoning: delta["reasoning_content"] = d.text; break;
        case AnswerDelta::Kind::content: delta["content"] = d.text; break;
        case AnswerDelta::Kind::call_begin:
          delta["tool_calls"].push_back({{"index", d.index},
                                         {"id", piece.call_ids[id++]},
                                         {"type", "function"},
                                         {"function", {{"name", d.text}, {"arguments", ""}}}});
          break;
        case AnswerDelta::Kind::call_arguments:
          delta["tool_calls"].push_back({{"index", d.index}, {"function", {{"arguments", d.text}}}});
          break;
        case AnswerDelta::Kind::call_end: continue;
      }
      send(choice, std::move(delta), std::exchange(logprobs, Json()));
    }
    if (!logprobs.is_null() && !piece.tokens.empty()) send(choice, Json::object(), std::move(logprobs));
  }

  void finished(int choice, AnswerEnd end) override {
    Json chunk = chunk_of(Json::array());
    chunk["choices"].push_back({{"index", choice},
                                {"delta", Json::object()},
                                {"logprobs", nullptr},
                                {"finish_reason", openai_finish_reason(end)}});
    last_ = std::move(chunk);
    if (++finished_ < choices_) event(std::exchange(last_, Json()));
  }

  void done(const AnswerUsage& usage) override {
    last_["timings"] = answer_timings(usage);
    event(last_);
    if (form_.usage) {
      Json chunk = chunk_of(Json::array());
      chunk["usage"] = openai_usage(usage);
      chunk["timings"] = answer_timings(usage);
      event(chunk);
    }
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
  Json chunk_of(Json choices) const {
    Json chunk = head_.json("chat.completion.chunk");
    chunk["choices"] = std::move(choices);
    return chunk;
  }
  void send(int choice, Json delta, Json logprobs = {}) {
    Json chunk = chunk_of(Json::array());
    chunk["choices"].push_back({{"index", choice},
                                {"delta", std::move(delta)},
                                {"logprobs", std::move(logprobs)},
                                {"finish_reason", nullptr}});
    event(chunk);
  }
  void event(const Json& chunk) {
    const std::lock_guard lock(mutex_);
    stream_.event(dump_json(chunk));
  }

  AnswerForm form_;
  Head head_;
  int choices_, finished_ = 0;
  AnswerUsage usage_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Json last_;
  std::mutex mutex_;  // begin() comes from another thread
  SseStream stream_;
};

void chat_completion(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_chat_completion(parse_body(exchange->request()), context.limits);
  ModelLease lease = context.models.acquire(request.form.model);
  std::shared_ptr<ApiSink> sink;
  if (request.form.stream)
    sink = std::make_shared<StreamedChat>(exchange, lease, request);
  else
    sink = std::make_shared<WholeChat>(exchange, lease, request);
  submit_answer(context, lease, std::move(request.chat), exchange, sink);
}

}  // namespace

void add_openai_chat_routes(Router& router, ServerContext& context) {
  for (const char* path : {"/v1/chat/completions", "/chat/completions", "/beta/chat/completions"})
    router.add("POST", path, [&](const std::shared_ptr<Exchange>& x) { chat_completion(context, x); });
}

}  // namespace dure

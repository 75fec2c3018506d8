#include "server/api/responses_answer.h"

#include <mutex>

#include "base/json.h"
#include "server/api/answer_blocks.h"
#include "server/api/openai_answer.h"
#include "server/http/event_stream.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

using Kind = AnswerBlock::Kind;

Json usage_of(const AnswerUsage& u) {
  return {{"input_tokens", u.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", u.cached_tokens}}},
          {"output_tokens", u.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", u.reasoning_tokens}}},
          {"total_tokens", u.prompt_tokens + u.completion_tokens}};
}

bool cut_off(const AnswerEnd& end) {
  return end.reason == FinishReason::length || end.reason == FinishReason::deadline;
}

/// What a chat would call the answer, for the turns that follow.
Json as_message(const std::vector<AnswerBlock>& blocks) {
  std::string text, thoughts;
  Json calls = Json::array();
  for (const AnswerBlock& b : blocks) switch (b.kind) {
      case Kind::reasoning: thoughts += b.text; break;
      case Kind::text: text += b.text; break;
      case Kind::call:
        calls.push_back({{"id", b.id}, {"type", "function"}, {"function", {{"name", b.name}, {"arguments", b.text}}}});
        break;
    }
  Json message = {{"role", "assistant"}, {"content", text}};
  if (!thoughts.empty()) message["reasoning_content"] = thoughts;
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  return message;
}

/// Keeps the answer until it is whole.
class WholeResponse : public ApiSink {
 public:
  WholeResponse(std::shared_ptr<Exchange> exchange, ModelLease lease, const ResponsesRequest& request,
                ResponsesStore& store, BlockListener* listener = nullptr)
      : ApiSink(std::move(exchange), std::move(lease)),
        blocks_(listener),
        messages_(request.messages),
        echo_(request.echo),
        summaries_(request.summaries),
        logprobs_(request.form.logprobs),
        keep_(request.store),
        store_(store) {}

  void piece(int, AnswerPiece piece) override {
    for (TokenDetail& t : piece.tokens)
      if (!t.reasoning) tokens_.push_back(std::move(t));
    blocks_.add(piece);
  }
  void finished(int, AnswerEnd end) override {
    end_ = std::move(end);
    cut_ = cut_off(end_);
    // Clients look for a message wherever there is no call.
    if (!blocks_.has(Kind::text) && !blocks_.has(Kind::call)) blocks_.add_empty(Kind::text);
    blocks_.close();
  }
  void failed(std::exception_ptr error) override { exchange_->send_error(error); }
  void done(const AnswerUsage& usage) override { exchange_->send(json_response(200, ended(usage))); }

 protected:
  Json response(const char* status) const {
    Json json = {{"id", id_},
                 {"object", "response"},
                 {"created_at", created_},
                 {"status", status},
                 {"error", nullptr},
                 {"background", false},
                 {"incomplete_details", nullptr},
                 {"model", lease_.id},
                 {"output", Json::array()},
                 {"usage", nullptr}};
    json.update(echo_);
    return json;
  }

  /// The whole response. Keeps the conversation, so that the client's next request finds it.
  Json ended(const AnswerUsage& usage) {
    if (keep_) {
      messages_.push_back(as_message(blocks_.blocks()));
      store_.keep(id_, messages_);
    }
    Json json = response(cut_ ? "incomplete" : "completed");
    if (cut_) json["incomplete_details"] = {{"reason", "max_output_tokens"}};
    for (size_t i = 0; i < blocks_.blocks().size(); ++i) json["output"].push_back(item(i, blocks_.blocks()[i], true));
    json["usage"] = usage_of(usage);
    return json;
  }

  /// A block as an output item; one that is not done has no content yet.
  Json item(size_t index, const AnswerBlock& block, bool done) const {
    const bool last = index + 1 == blocks_.blocks().size();
    const char* status = !done ? "in_progress" : cut_ && last ? "incomplete" : "completed";
    Json json = {{"id", item_id(index, block)}, {"type", "message"}, {"status", status}};
    switch (block.kind) {
      case Kind::text:
        json["role"] = "assistant";
        json["content"] = done ? Json::array({part(block)}) : Json::array();
        break;
      case Kind::reasoning:
        json["type"] = "reasoning";
        json["summary"] = done && summaries_ ? Json::array({part(block)}) : Json::array();
        if (!summaries_) json["content"] = done ? Json::array({part(block)}) : Json::array();
        break;
      case Kind::call:
        json["type"] = "function_call";
        json["call_id"] = block.id;
        json["name"] = block.name;
        json["arguments"] = done ? block.text : "";
        break;
    }
    return json;
  }

  /// Text as a part of an item.
  Json part(const AnswerBlock& block) const {
    if (block.kind == Kind::reasoning)
      return {{"type", summaries_ ? "summary_text" : "reasoning_text"}, {"text", block.text}};
    return {{"type", "output_text"},
            {"text", block.text},
            {"annotations", Json::array()},
            {"logprobs", logprobs_ ? openai_logprobs(tokens_)["content"] : Json::array()}};
  }

  std::string item_id(size_t index, const AnswerBlock& block) const {
    constexpr const char* kPrefixes[] = {"rs", "msg", "fc"};
    return fmt::format("{}_{}_{}", kPrefixes[static_cast<size_t>(block.kind)], id_.substr(5), index);
  }

  const std::string id_ = make_id("resp_");
  const int64_t created_ = unix_seconds();
  AnswerBlocks blocks_;
  Json messages_, echo_;
  bool summaries_, logprobs_, keep_, cut_ = false;
  ResponsesStore& store_;
  AnswerEnd end_;
  std::vector<TokenDetail> tokens_;
};

/// Sends events as the answer comes.
class StreamedResponse : public WholeResponse, private BlockListener {
 public:
  StreamedResponse(std::shared_ptr<Exchange> exchange, ModelLease lease, const ResponsesRequest& request,
                   ResponsesStore& store)
      : WholeResponse(std::move(exchange), std::move(lease), request, store, this), stream_(exchange_) {}

  void begin() override {
    const std::lock_guard lock(mutex_);
    stream_.start();
  }
  void started(int, int) override {
    for (const char* type : {"response.created", "response.in_progress"})
      event(type, {{"response", response("in_progress")}});
  }
  void done(const AnswerUsage& usage) override {
    event(cut_ ? "response.incomplete" : "response.completed", {{"response", ended(usage)}});
    const std::lock_guard lock(mutex_);
    stream_.end();
  }
  void failed(std::exception_ptr error) override {
    const HttpError known = to_http_error(error, exchange_->request().id);
    {
      const std::lock_guard lock(mutex_);
      if (!stream_.started()) return exchange_->send_error(known);
    }
    Json json = response("failed");
    json["error"] = {{"code", known.status < 500 ? "invalid_prompt" : "server_error"}, {"message", known.what()}};
    event("response.failed", {{"response", std::move(json)}});
    const std::lock_guard lock(mutex_);
    stream_.end();
  }

 private:
  /// What the events of a kind of block are called, and the field that counts its parts.
  struct Names {
    const char *part_added, *delta, *text_done, *part_done, *index;
  };
  const Names& names(Kind kind) const {
    static constexpr Names kText{"response.content_part.added", "response.output_text.delta",
                                 "response.output_text.done", "response.content_part.done", "content_index"};
    static constexpr Names kReasoning{"response.content_part.added", "response.reasoning_text.delta",
                                      "response.reasoning_text.done", "response.content_part.done", "content_index"};
    static constexpr Names kSummary{"response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                                    "response.reasoning_summary_text.done", "response.reasoning_summary_part.done",
                                    "summary_index"};
    static constexpr Names kCall{nullptr, "response.function_call_arguments.delta",
                                 "response.function_call_arguments.done", nullptr, nullptr};
    if (kind == Kind::call) return kCall;
    return kind == Kind::text ? kText : summaries_ ? kSummary : kReasoning;
  }

  Json place(size_t index, const AnswerBlock& block) const {
    Json json = {{"item_id", item_id(index, block)}, {"output_index", index}};
    if (const char* parts = names(block.kind).index; parts != nullptr) json[parts] = 0;
    return json;
  }

  void block_opened(size_t index, const AnswerBlock& block) override {
    event("response.output_item.added", {{"output_index", index}, {"item", item(index, block, false)}});
    if (block.kind == Kind::call) return;
    Json json = place(index, block);
    json["part"] = part(block);
    event(names(block.kind).part_added, std::move(json));
  }

  void block_grew(size_t index, const AnswerBlock& block, const std::string& text) override {
    const Names& n = names(block.kind);
    const std::lock_guard lock(mutex_);
    std::string json = fmt::format(R"({{"type":"{}","sequence_number":{},"item_id":"{}","output_index":{})", n.delta,
                                   sequence_++, item_id(index, block), index);
    if (n.index != nullptr) json += fmt::format(R"(,"{}":0)", n.index);
    if (block.kind == Kind::text) json += R"(,"logprobs":)" + dump_json(new_logprobs());
    stream_.event(n.delta, fmt::format(R"({},"delta":{}}})", json, json_string(text)));
  }

  void block_closed(size_t index, const AnswerBlock& block) override {
    const Names& n = names(block.kind);
    Json json = place(index, block);
    if (block.kind == Kind::call) {
      json["name"] = block.name;
      json["arguments"] = block.text;
    } else {
      json["text"] = block.text;
      if (block.kind == Kind::text) json["logprobs"] = part(block)["logprobs"];
    }
    event(n.text_done, std::move(json));
    if (n.part_done != nullptr) {
      json = place(index, block);
      json["part"] = part(block);
      event(n.part_done, std::move(json));
    }
    event("response.output_item.done", {{"output_index", index}, {"item", item(index, block, true)}});
  }

  Json new_logprobs() {
    if (!logprobs_) return Json::array();
    const std::vector<TokenDetail> tokens(tokens_.begin() + static_cast<std::ptrdiff_t>(shown_), tokens_.end());
    shown_ = tokens_.size();
    return openai_logprobs(tokens)["content"];
  }

  void event(const char* type, Json rest) {
    const std::lock_guard lock(mutex_);
    Json json = {{"type", type}, {"sequence_number", sequence_++}};
    json.update(rest);
    stream_.event(type, dump_json(json));
  }

  std::mutex mutex_;  // begin() comes from another thread
  SseStream stream_;
  int sequence_ = 0;
  size_t shown_ = 0;  // log-probabilities that were sent
};

}  // namespace

std::shared_ptr<ApiSink> make_response_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                            const ResponsesRequest& request, ResponsesStore& store) {
  if (request.form.stream)
    return std::make_shared<StreamedResponse>(std::move(exchange), std::move(lease), request, store);
  return std::make_shared<WholeResponse>(std::move(exchange), std::move(lease), request, store);
}

}  // namespace dure

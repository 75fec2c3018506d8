#include "server/api/ollama_answer.h"

#include <ctime>
#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "server/api/answer_blocks.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

int64_t nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

/// A call as Ollama has it: its arguments are an object. Those that were cut off are none.
Json call_json(const AnswerBlock& block, int index) {
  Json arguments = Json::object();
  try {
    Json given = parse_json(block.text, "arguments");
    if (given.is_object()) arguments = std::move(given);
  } catch (const Error&) {}
  return {{"id", block.id},
          {"function", {{"index", index}, {"name", block.name}, {"arguments", std::move(arguments)}}}};
}

/// Streamed text goes out as it comes, calls when they are whole. Without a stream all is said in the last object.
class OllamaSink : public ApiSink, private BlockListener {
 public:
  OllamaSink(std::shared_ptr<Exchange> exchange, ModelLease lease, OllamaKind kind, bool stream)
      : ApiSink(std::move(exchange), std::move(lease)),
        kind_(kind),
        streamed_(stream),
        stream_(exchange_),
        blocks_(this) {}

  void begin() override {
    const std::lock_guard lock(mutex_);
    if (!streamed_) return ApiSink::begin();
    stream_.start();
  }

  void piece(int, AnswerPiece piece) override { blocks_.add(piece); }

  void finished(int, AnswerEnd end) override {
    blocks_.close();
    reason_ = end.reason == FinishReason::length || end.reason == FinishReason::deadline ? "length" : "stop";
  }

  void done(const AnswerUsage& u) override {
    Json last = head(true);
    say(last, text_, thoughts_, calls_);
    last["done_reason"] = reason_;
    last["total_duration"] = nanoseconds(lease_.load_seconds + u.queue_seconds + u.prefill_seconds + u.decode_seconds);
    last["load_duration"] = nanoseconds(lease_.load_seconds);
    last["prompt_eval_count"] = u.prompt_tokens;
    last["prompt_eval_duration"] = nanoseconds(u.prefill_seconds);
    last["eval_count"] = u.completion_tokens;
    last["eval_duration"] = nanoseconds(u.decode_seconds);
    if (!streamed_) return exchange_->send(json_response(200, last));
    const std::lock_guard lock(mutex_);
    stream_.line(dump_json(last));
    stream_.end();
  }

  void failed(std::exception_ptr error) override {
    const std::lock_guard lock(mutex_);
    if (!streamed_ || !stream_.started()) return exchange_->send_error(error);
    stream_.line(exchange_->error_response(to_http_error(error, exchange_->request().id)).body);
    stream_.end();
  }

 private:
  Json head(bool done) const { return {{"model", lease_.id}, {"created_at", rfc3339(unix_seconds())}, {"done", done}}; }

  void say(Json& json, const std::string& text, const std::string& thoughts, const Json& calls) const {
    Json* fields = &json;
    if (kind_ == OllamaKind::chat) {
      json["message"] = {{"role", "assistant"}, {"content", text}};
      fields = &json["message"];
    } else {
      json["response"] = text;
    }
    if (!thoughts.empty()) (*fields)["thinking"] = thoughts;
    if (!calls.empty()) (*fields)["tool_calls"] = calls;
  }

  void line(const std::string& text, const std::string& thoughts, const Json& calls) {
    Json json = head(false);
    say(json, text, thoughts, calls);
    const std::lock_guard lock(mutex_);
    stream_.line(dump_json(json));
  }

  void block_opened(size_t, const AnswerBlock&) override {}
  void block_grew(size_t, const AnswerBlock& block, const std::string& text) override {
    if (block.kind == AnswerBlock::Kind::call) return;
    const bool thought = block.kind == AnswerBlock::Kind::reasoning;
    if (streamed_)
      line(thought ? "" : text, thought ? text : "", Json());
    else
      (thought ? thoughts_ : text_) += text;
  }
  void block_closed(size_t, const AnswerBlock& block) override {
    if (block.kind != AnswerBlock::Kind::call) return;
    Json call = call_json(block, called_++);
    if (streamed_)
      line("", "", Json::array({std::move(call)}));
    else
      calls_.push_back(std::move(call));
  }

  const OllamaKind kind_;
  const bool streamed_;
  std::mutex mutex_;  // begin() comes from another thread
  NdjsonStream stream_;
  AnswerBlocks blocks_;
  std::string text_, thoughts_, reason_;
  Json calls_ = Json::array();
  int called_ = 0;
};

}  // namespace

std::shared_ptr<ApiSink> make_ollama_sink(std::shared_ptr<Exchange> exchange, ModelLease lease, OllamaKind kind,
                                          bool stream) {
  return std::make_shared<OllamaSink>(std::move(exchange), std::move(lease), kind, stream);
}

std::string rfc3339(int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, length};
}

}  // namespace dure
